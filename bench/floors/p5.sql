-- What one reported result must write, as one transaction, by hand: the floor of P5 on PostgreSQL. The reads and checks of
-- the service are left out, except for the lock on the activity. Run by pgbench, prepared; each client has an activity.
\set i :i + 1
\set n :base + :client_id * 10000000 + :i
BEGIN;
SELECT id, status FROM activity WHERE id = (SELECT activity_id FROM bench_client WHERE n = :client_id::int) FOR NO KEY UPDATE;
INSERT INTO chosen_id (id, body_hash) VALUES (lpad(to_hex(:n::bigint), 32, '0')::uuid, decode(lpad(to_hex(:n::bigint), 64, '0'), 'hex')) ON CONFLICT DO NOTHING;
INSERT INTO result (id, created_at, updated_at, version, activity_id, team_id, reported_on, lines, outputs, evidence, turns, status, revision, flags, created_by, submitted_by, from_tallies, locality_id, findings)
  SELECT lpad(to_hex(:n::bigint), 32, '0')::uuid, now(), now(), 1, activity_id, team_id, date '1000-01-01' + :i::int, :lines::jsonb, :outputs::jsonb, '[]', 42, 'submitted', 1, '["team_not_deployed"]', team_id, team_id, false, locality_id, '[]'
  FROM bench_client WHERE n = :client_id::int;
INSERT INTO result_revision (result_id, revision, lines, outputs, evidence, status, submitted_by, submitted_at)
  SELECT lpad(to_hex(:n::bigint), 32, '0')::uuid, 1, :lines::jsonb, :outputs::jsonb, '[]', 'submitted', team_id, now() FROM bench_client WHERE n = :client_id::int;
INSERT INTO audit_log (id, at, actor_id, action, resource, resource_id, request_id, org_unit_id, address)
  SELECT lpad(to_hex(:n::bigint), 32, '0')::uuid, now(), team_id, 'create_result', 'result', lpad(to_hex(:n::bigint), 32, '0')::uuid, lpad(to_hex(:n::bigint), 36, '0'), org_unit_id, '127.0.0.1'
  FROM bench_client WHERE n = :client_id::int;
INSERT INTO idempotency_key (principal_id, method, path, key, body_hash, status, etag, location, body, created_at)
  SELECT team_id, 'POST', '/v1/results', lpad(to_hex(:n::bigint), 36, '0'), decode(lpad(to_hex(:n::bigint), 64, '0'), 'hex'), 201, '"1"', '/v1/results/' || lpad(to_hex(:n::bigint), 36, '0'), repeat('x', 900), now()
  FROM bench_client WHERE n = :client_id::int ON CONFLICT DO NOTHING;
UPDATE counter SET value = value + 1 WHERE name = 'ledger' RETURNING value \gset
INSERT INTO ledger (seq, at, actor_id, result_id, revision, team_id, org_unit_id, locality_id, indicator_id, day, topic, audience, delta_reported, delta_verified)
  SELECT :value::bigint, now(), team_id, lpad(to_hex(:n::bigint), 32, '0')::uuid, 1, team_id, org_unit_id, locality_id, indicator_id, date '1000-01-01' + :i::int, 'cyber_safety', 'children', 42, 0
  FROM bench_client WHERE n = :client_id::int;
INSERT INTO rollup_cell (indicator_id, org_unit_id, locality_id, day, topic, audience, reported, verified)
  SELECT indicator_id, org_unit_id, locality_id, date '1000-01-01' + :i::int % 60, 'cyber_safety', 'children', 42, 0 FROM bench_client WHERE n = :client_id::int
  ON CONFLICT (indicator_id, org_unit_id, locality_id, day, topic, audience) DO UPDATE SET reported = rollup_cell.reported + excluded.reported;
COMMIT;
