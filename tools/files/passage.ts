/** What a model wants: the place that holds one text is to hold another. */
export interface Replacement {
  readonly old: string;
  readonly new: string;
}

/** A part of a text and what it becomes. */
export interface Passage {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  /** For the model: in what it differs from what was asked. */
  readonly note?: string;
}
