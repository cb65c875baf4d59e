/**
 * What runs on the hosts, as POSIX shell with Linux's /proc. In the deployment's folder each node has NAME.sh (what is run),
 * NAME.log, NAME.pid ("PID START") and, when it has ended, NAME.exit (its status). START is field 22 of /proc/PID/stat: it
 * tells a process from a later one with the same id.
 */
import type { NodeCommand } from "../deployment-plan.ts";
import { quoteForShell } from "../shell-quote.ts";

export interface NodePlace {
  /** Unique to the deployment. */
  readonly id: string;
  /** Absolute, or relative to the home folder of the host's user. */
  readonly folder: string;
  readonly node: string;
}

const functions = `
look() { # PID: its state, session and start
  IFS= read -r line 2>/dev/null < "/proc/$1/stat" || return 1
  set -- \${line##*") "}
  state=$1 session=$4 started=\${20}
}
lives() { look "$1" && [ "$state" != Z ] && [ "$state" != X ]; }
runs() { lives "$1" && [ "$started" = "$2" ]; }
members() { # PID START MARK: what belongs to a node, also what has left its session
  {
    if runs "$1" "$2"; then
      for directory in /proc/[0-9]*; do
        lives "\${directory#/proc/}" && [ "$session" = "$1" ] && echo "\${directory#/proc/}"
      done
    fi
    grep -lF "$3" /proc/[0-9]*/environ 2>/dev/null | while read -r file; do
      file=\${file%/environ}
      lives "\${file#/proc/}" && echo "\${file#/proc/}"
    done
  } | sort -un
}`;

/** In the environment of every process of a node; ends so that no other node's begins with it. */
function markOf({ id, node }: NodePlace): string {
  return `KIMI_DEPLOYMENT=${id}/${node};`;
}

export function enterFolder(folder: string): string {
  return `cd && cd ${quoteForShell([folder])} || exit 1`;
}

/** Reads NAME.pid into `pid` and `start`. */
function enter({ folder, node }: NodePlace): string {
  return `cd && cd ${quoteForShell([folder])} 2>/dev/null || cd / || exit 1
pid=0 start=0
[ -r ${node}.pid ] && read -r pid start < ${node}.pid`;
}

/** NAME.sh. `setup` is a line of shell that is run before, to put programs on the path for one. */
export function nodeProgram({ name, argv, env }: NodeCommand, setup: string | undefined): string {
  return `#!/bin/sh
# One node of a deployment, by kimi deploy: run in its folder.
trap 'echo $? > ${name}.exit' EXIT
trap : HUP INT TERM # the program gets them too, and its status is written down
${exportLines(env)}${setup === undefined ? "" : `${setup} || exit\n`}${quoteForShell(argv)}
exit $?
`;
}

export function exportLines(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `export ${name}=${quoteForShell([value])}\n`)
    .join("");
}

/** Prints "PID START". */
export function startScript(place: NodePlace): string {
  const { folder, node } = place;
  // SPT_NOENV: Python's setproctitle, which vLLM uses, leaves the environment readable then.
  return `${functions}
${enterFolder(folder)}
rm -f ${node}.exit ${node}.pid
SPT_NOENV=1 ${markOf(place).replace("=", "='")}' setsid sh ./${node}.sh > ${node}.log 2>&1 < /dev/null &
look $! && echo "$! $started" > ${node}.pid && cat ${node}.pid`;
}

export interface WatchPoint {
  /** Bytes of the log that are known. */
  readonly offset: number;
  /** Begins the last line, in which the exit status follows if it is known. */
  readonly mark: string;
}

/** Prints the log as it grows, till the node ends or standard input does. */
export function watchScript(place: NodePlace, { offset, mark }: WatchPoint): string {
  const log = `${place.node}.log`;
  return `${functions}
${enter(place)}
exec 3<&0
cat <&3 >/dev/null & guard=$!
offset=${offset}
print() {
  size=$(wc -c < ${log})
  [ "$size" -gt "$offset" ] || return 0
  tail -c "+$((offset + 1))" ${log} | head -c "$((size - offset))"
  offset=$size
}
while runs "$pid" "$start"; do
  print
  lives "$guard" || exit 0
  sleep 0.5
done
print
printf '\\n%s %s\\n' ${mark} "$(cat ${place.node}.exit 2>/dev/null)"
kill "$guard" 2>/dev/null
exit 0`;
}

/**
 * Ends everything of a node: asks it to, and after some time kills it. Prints `gone` if there was nothing, `ended`,
 * `killed`, or `stuck PID…`.
 */
export function stopScript(place: NodePlace, graceSeconds: number): string {
  return `${functions}
${enter(place)}
outcome=gone asked=' ' left=${Math.max(0, Math.round(graceSeconds * 5))}
while alive=$(members "$pid" "$start" '${markOf(place)}') && [ -n "$alive" ] && [ "$left" -gt 0 ]; do
  outcome=ended left=$((left - 1))
  for one in $alive; do
    case $asked in *" $one "*) continue ;; esac
    kill -TERM "$one" 2>/dev/null
    asked="$asked$one "
  done
  sleep 0.2
done
left=50
while [ -n "$alive" ] && [ "$left" -gt 0 ]; do
  outcome=killed left=$((left - 1))
  kill -KILL $alive 2>/dev/null
  sleep 0.2
  alive=$(members "$pid" "$start" '${markOf(place)}')
done
if [ -n "$alive" ]; then echo stuck $alive; else rm -f ${place.node}.pid; echo $outcome; fi`;
}

/** Prints how many processes live, and the exit status if there is one. */
export function statusScript(place: NodePlace): string {
  return `${functions}
${enter(place)}
set -- $(members "$pid" "$start" '${markOf(place)}')
echo $# $(cat ${place.node}.exit 2>/dev/null)`;
}
