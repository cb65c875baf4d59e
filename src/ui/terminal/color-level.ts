type Environment = Readonly<Record<string, string | undefined>>;

/**
 * How many colours to use: 0 none, 1 sixteen, 2 256, 3 all. NO_COLOR (any value) means none,
 * FORCE_COLOR (0 to 3, true) goes before it.
 */
export function colorLevelOf(environment: Environment): 0 | 1 | 2 | 3 {
  const {
    FORCE_COLOR: forced,
    NO_COLOR: none,
    TERM: term = "",
    COLORTERM: color = "",
  } = environment;
  if (forced !== undefined) {
    if (forced === "0" || forced === "false") return 0;
    const level = Number(forced);
    if (level === 1 || level === 2 || level === 3) return level;
    return Math.max(1, levelOfTerminal(term, color)) as 1 | 2 | 3;
  }
  if (none !== undefined && none !== "") return 0;
  return levelOfTerminal(term, color);
}

function levelOfTerminal(term: string, color: string): 0 | 1 | 2 | 3 {
  if (term === "dumb") return 0;
  if (/truecolor|24bit/i.test(color) || /direct|kitty|ghostty|alacritty|wezterm/.test(term))
    return 3;
  return /256/.test(term) ? 2 : 1;
}

/**
 * Whether links may be written as such (OSC 8): terminals that are known to show them. Others would
 * ignore them, or print rubbish.
 */
export function showsHyperlinks(environment: Environment): boolean {
  const { FORCE_HYPERLINK: forced, TERM_PROGRAM: program = "", TERM: term = "" } = environment;
  if (forced !== undefined) return forced !== "0";
  if (environment["CI"] || environment["TMUX"] || /^(screen|tmux|dumb)/.test(term)) return false;
  return (
    /^(iTerm\.app|WezTerm|vscode|ghostty|Hyper|Tabby|rio|WarpTerminal)$/.test(program) ||
    /kitty|alacritty|foot|ghostty|wezterm/.test(term) ||
    Number(environment["VTE_VERSION"] ?? 0) >= 5000 ||
    environment["WT_SESSION"] !== undefined ||
    environment["KONSOLE_VERSION"] !== undefined
  );
}
