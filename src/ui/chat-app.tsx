import { Static, Text, useApp, useCursor, useInput, usePaste, useWindowSize } from "ink";
import { useEffect, useRef, useSyncExternalStore, type ReactElement } from "react";
import type { ChatScreen, TerminalWork } from "./chat-screen.ts";
import { readKey } from "./composer/keys.ts";

export interface ChatAppProps {
  readonly screen: ChatScreen;
  /** Given Ink's way to hand the terminal over. */
  readonly terminalWork: (suspend: (work: () => Promise<void>) => Promise<void>) => TerminalWork;
}

/** Finished lines go to the scrollback once; below them one frame of lines, shorter than the window. */
export function ChatApp({ screen, terminalWork }: ChatAppProps): ReactElement {
  const { suspendTerminal } = useApp();
  const { printed, live } = useSyncExternalStore(screen.subscribe, screen.frame);
  const { columns, rows } = useWindowSize();
  const size = useRef({ columns, rows });
  useEffect(() => {
    screen.attach(terminalWork((work) => suspendTerminal(work)));
  }, [screen, suspendTerminal, terminalWork]);
  useEffect(() => {
    if (size.current.columns === columns && size.current.rows === rows) return;
    size.current = { columns, rows };
    screen.resized();
  }, [screen, columns, rows]);
  useInput((input, key) => {
    for (const action of readKey(input, key)) screen.key(action);
  });
  usePaste((text) => screen.key({ type: "paste", text }));
  const { setCursorPosition } = useCursor();
  setCursorPosition(live.cursor);
  return (
    <>
      <Static items={printed as string[]}>
        {(lines, index) => <Text key={index}>{lines}</Text>}
      </Static>
      <Text>{live.lines.join("\n")}</Text>
    </>
  );
}
