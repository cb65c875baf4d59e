import type { ToolEffect } from "./tool.ts";

export interface ApprovalRequest {
  readonly callId: string;
  readonly toolName: string;
  readonly effect: ToolEffect;
  readonly summary: string;
}

export type Approval =
  | { readonly decision: "allow" }
  /** The reason is for the model. */
  | { readonly decision: "deny"; readonly reason: string };

/** Asked once for each call, before it starts. */
export type Approve = (request: ApprovalRequest, signal: AbortSignal) => Promise<Approval>;

export const approveAll: Approve = async () => ({ decision: "allow" });
