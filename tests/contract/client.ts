// A program as an integrator writes it, over the types generated from openapi/openapi.json. It is compiled, not run: what
// it names must be there, with these types.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./openapi";

type Result = components["schemas"]["Result"];
type Problem = components["schemas"]["Problem"];

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8080" });

/** Logs in and sends the token with every later request. */
export async function logIn(username: string, password: string): Promise<void> {
  const { data, error } = await client.POST("/v1/auth/token", {
    body: { grant_type: "password", username, password },
    bodySerializer: (body) => new URLSearchParams(body as Record<string, string>),
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  });
  // OAuth has errors of its own form; what fails before it is a problem, as everywhere.
  if (error !== undefined) throw new Error("error" in error ? error.error : describe(error));
  const token: string = data.access_token;
  const bearer: Middleware = {
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${token}`);
    },
  };
  client.use(bearer);
}

/** Submits a result as it was last read: its version goes into If-Match. */
export async function submit(result: Result, key: string): Promise<Result> {
  const { data, error } = await client.POST("/v1/results/{id}/submit", {
    params: { path: { id: result.id }, header: { "If-Match": `"${result.version}"`, "Idempotency-Key": key } },
  });
  if (error !== undefined) throw new Error(describe(error));
  return data;
}

/** All verified results of a team, page by page. */
export async function* verifiedResults(team: string): AsyncGenerator<Result> {
  let cursor: string | undefined;
  do {
    const { data, error } = await client.GET("/v1/results", {
      params: { query: { team_id: team, status: "verified", limit: 200, ...(cursor === undefined ? {} : { cursor }) } },
    });
    if (error !== undefined) throw new Error(describe(error));
    yield* data.data;
    cursor = data.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

/** The figure that everybody may see. */
export async function publicTurns(): Promise<{ reported: number; verified: number }> {
  const { data, error } = await client.GET("/v1/public/progress");
  if (error !== undefined) throw new Error(describe(error));
  return { reported: data.reported, verified: data.verified };
}

function describe(problem: Problem): string {
  const faults = problem.errors?.map((fault) => `${fault.pointer ?? fault.parameter ?? ""}: ${fault.code}`) ?? [];
  return [problem.code, problem.detail, ...faults].join("; ");
}
