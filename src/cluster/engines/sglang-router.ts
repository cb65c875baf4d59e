/** What stands before the two halves of a split and sends each request through both. */
import { withPort } from "../cluster.ts";
import type { Host, NodeCommand } from "../deployment-plan.ts";
import type { DeployRequest } from "../serving-engine.ts";

/** Of each half's server, behind the router. */
export const serverPort = 30_000;
/** Where a prefill server tells decode servers of a request: SGLang's own choice. */
export const bootstrapPort = 8_998;

const router = ["python", "-m", "sglang_router.launch_router"] as const;
/** The guide's, which went into a package of its own. */
const loadBalancer = ["python", "-m", "sglang.srt.disaggregation.launch_lb"] as const;

export function routerNode(
  { port, hasFlag }: DeployRequest,
  halves: { readonly prefill: readonly Host[]; readonly decode: readonly Host[] },
): NodeCommand {
  const [prefill] = halves.prefill;
  const [decode] = halves.decode;
  if (!prefill || !decode) throw new Error("both halves have a host");
  const url = ({ address }: Host): string => `http://${withPort(address, serverPort)}`;
  const isRouter = hasFlag(router.join(" "), "--pd-disaggregation");
  return {
    name: "router",
    role: "router",
    host: prefill,
    argv: [
      isRouter ? [...router, "--pd-disaggregation"] : loadBalancer,
      ["--prefill", url(prefill), ...(isRouter ? [`${bootstrapPort}`] : [])],
      ["--decode", url(decode)],
      ["--host", "0.0.0.0", "--port", `${port}`],
    ].flat(),
    env: { PYTHONUNBUFFERED: "1" },
    health: { port, path: "/health" },
  };
}
