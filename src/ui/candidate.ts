/** What can stand somewhere in the composer, and what it is. */
export interface Candidate {
  readonly value: string;
  readonly about: string;
}

export function plain(value: string): Candidate {
  return { value, about: "" };
}
