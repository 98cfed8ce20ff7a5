// A program over the client that @hey-api/openapi-ts generates from openapi/openapi.json: functions named by their
// operationIds. It is compiled, not run.
import { createClient } from "./generated/client";
import { createToken, getPublicProgress, listResults, submitResult, type Problem, type Result } from "./generated";

const client = createClient({ baseUrl: "http://127.0.0.1:8080" });

/** Logs in and sends the token with every later request. */
export async function logIn(username: string, password: string): Promise<void> {
  const { data, error } = await createToken({ client, body: { grant_type: "password", username, password } });
  if (error !== undefined) throw new Error("error" in error ? error.error : describe(error));
  const token: string = data.access_token;
  client.setConfig({ auth: () => token });
}

/** Submits a result as it was last read: its version goes into If-Match. */
export async function submit(result: Result, key: string): Promise<Result> {
  const headers = { "If-Match": `"${result.version}"`, "Idempotency-Key": key };
  const { data, error } = await submitResult({ client, path: { id: result.id }, headers });
  if (error !== undefined) throw new Error(describe(error));
  return data;
}

/** The first verified results of a team, with what is marked for a human eye. */
export async function marked(team: string): Promise<Result[]> {
  const { data } = await listResults({ client, query: { team_id: team, status: "verified", limit: 200 }, throwOnError: true });
  return data.data.filter((result) => result.flags.length > 0);
}

/** The figure that everybody may see. */
export async function publicTurns(): Promise<{ reported: number; verified: number }> {
  const { data } = await getPublicProgress({ client, throwOnError: true });
  return { reported: data.reported, verified: data.verified };
}

function describe(problem: Problem): string {
  return [problem.code, problem.detail].join("; ");
}
