//! The statements, in the words of either database.

use super::Size;

/// Days on which is reported: from 2024-06-15.
pub const DAYS: u64 = 60;

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
}

impl Dialect {
    /// The id of the n-th thing of a kind.
    fn id(self, kind: u32, n: &str) -> String {
        match self {
            Self::Sqlite => format!("unhex(printf('0190{kind:04x}00007000a000%012x', {n}))"),
            Self::Postgres => format!("('0190{kind:04x}00007000a000' || lpad(to_hex({n}), 12, '0'))::uuid"),
        }
    }

    /// Numbers from 1 to `to` as `s(n)`.
    fn series(self, to: u64) -> String {
        match self {
            Self::Sqlite => format!(
                "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {to}) SELECT n FROM c) s"
            ),
            Self::Postgres => format!("generate_series(1::bigint, {to}::bigint) AS s(n)"),
        }
    }

    /// The day so many days after the first.
    fn day(self, days: &str) -> String {
        match self {
            Self::Sqlite => format!("date('2024-06-15', '+' || ({days}) || ' days')"),
            Self::Postgres => format!("(date '2024-06-15' + ({days})::int)"),
        }
    }

    /// The instant so many seconds after the first day's beginning.
    fn instant(self, seconds: &str) -> String {
        match self {
            Self::Sqlite => {
                format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', '2024-06-15', '+' || ({seconds}) || ' seconds')")
            }
            Self::Postgres => format!("(timestamptz '2024-06-15 00:00:00+00' + ({seconds}) * interval '1 second')"),
        }
    }

    fn json(self, text: &str) -> String {
        match self {
            Self::Sqlite => text.to_owned(),
            Self::Postgres => format!("({text})::jsonb"),
        }
    }
}

/// What a number decides, the same on both databases: a value from 0 below `below`, told apart from others by `salt`.
fn dice(n: &str, salt: u64, below: u64) -> String {
    format!("(((({n}) * 7919 + {salt}) % 1000003) * 104729 % 1299709 % {below})")
}

/// The statements that make a country, each with what it does.
pub fn statements(d: Dialect, size: Size) -> Vec<(&'static str, String)> {
    let (results, teams, activities) = (size.results, size.teams(), size.activities());
    let temporary = "CREATE TEMPORARY TABLE";
    let false_word = match d {
        Dialect::Sqlite => "0",
        Dialect::Postgres => "false",
    };
    let team_of = |n: &str| format!("(({n} - 1) % {teams} + 1)");
    let activity_of = |n: &str| format!("(({n} - 1) % {teams} + 1 + ({n} - 1) / ({teams} * {DAYS}) * {teams})");
    let day_of = |n: &str| d.day(&format!("({n} - 1) / {teams} % {DAYS}"));
    let topic = format!(
        "CASE {} WHEN 0 THEN 'cyber_safety' WHEN 1 THEN 'electronic_payment' WHEN 2 THEN 'electronic_identification' ELSE 'online_public_services' END",
        dice("s.n", 11, 4)
    );
    let audience = format!(
        "CASE {} WHEN 0 THEN 'young_people' WHEN 1 THEN 'children' WHEN 2 THEN 'officials' ELSE 'residents' END",
        dice("s.n", 23, 4)
    );
    let turns = format!("({} + 1)", dice("s.n", 37, 80));
    // Of twenty one was returned, seven wait, twelve are verified.
    let status = format!(
        "CASE WHEN {0} = 0 THEN 'returned' WHEN {0} < 8 THEN 'submitted' ELSE 'verified' END",
        dice("s.n", 41, 20)
    );
    let unit_of = |place: &str| {
        format!(
            "(SELECT u.id FROM org_unit u WHERE u.locality_id = {place}.id AND u.valid_to IS NULL ORDER BY u.code LIMIT 1)"
        )
    };
    let author = d.id(9, "1");
    let officer = d.id(9, "2");
    vec![
        (
            "places and their units",
            // A commune's own union where there is one, otherwise that of its district or province.
            format!(
                "{temporary} c_place AS SELECT row_number() OVER (ORDER BY p.path) AS n, p.id AS locality_id, \
                 COALESCE({own}, {above}, {top}) AS org_unit_id FROM locality p LEFT JOIN locality d ON d.id = p.parent_id \
                 LEFT JOIN locality v ON v.id = d.parent_id WHERE p.kind = 'commune' AND p.valid_from <= '2024-06-15' \
                 AND (p.valid_to IS NULL OR p.valid_to >= '2024-08-31') AND COALESCE({own}, {above}, {top}) IS NOT NULL",
                own = unit_of("p"),
                above = unit_of("d"),
                top = unit_of("v"),
            ),
        ),
        ("places and their units", "CREATE UNIQUE INDEX c_place_n ON c_place (n)".to_owned()),
        (
            "teams",
            format!(
                "INSERT INTO team (id, created_at, updated_at, version, campaign_id, org_unit_id, kind, name, name_folded, code, modes, \
                 locality_ids, starts_on, ends_on, status, digital_group_ids) \
                 SELECT {id}, {at}, {at}, 1, (SELECT id FROM campaign ORDER BY code LIMIT 1), p.org_unit_id, \
                 CASE WHEN s.n % 3 = 0 THEN 'digital_summer' ELSE 'community_digital_transformation' END, \
                 'Đội ' || s.n, 'doi ' || s.n, 'Q-' || s.n, {empty}, {empty}, {first}, {last}, 'deployed', {empty} \
                 FROM {series} JOIN c_place p ON p.n = (s.n * 7919) % (SELECT count(*) FROM c_place) + 1",
                id = d.id(1, "s.n"),
                at = d.instant("0"),
                empty = d.json("'[]'"),
                first = d.day("0"),
                last = d.day("70"),
                series = d.series(teams),
            ),
        ),
        (
            "activities",
            format!(
                "INSERT INTO activity (id, created_at, updated_at, version, campaign_id, lead_team_id, team_ids, locality_id, kind, topics, \
                 title, mode, starts_at, ends_at, status, digital_group_ids) \
                 SELECT {id}, {at}, {at}, 1, (SELECT id FROM campaign ORDER BY code LIMIT 1), {team}, {teams_json}, p.locality_id, \
                 'project06_support', {topics}, 'Lớp ' || s.n, 'in_person', {at}, {end}, 'ongoing', {empty} \
                 FROM {series} JOIN c_place p ON p.n = ({team_number} * 7919) % (SELECT count(*) FROM c_place) + 1",
                id = d.id(2, "s.n"),
                at = d.instant("0"),
                end = d.instant("6000000"),
                team = d.id(1, &team_of("s.n")),
                team_number = team_of("s.n"),
                teams_json = d.json("'[]'"),
                topics = d.json("'[\"other\"]'"),
                empty = d.json("'[]'"),
                series = d.series(activities),
            ),
        ),
        (
            "activities",
            "INSERT INTO activity_team (activity_id, team_id) SELECT a.id, a.lead_team_id FROM activity a JOIN team t ON t.id = a.lead_team_id WHERE t.code LIKE 'Q-%'".to_owned(),
        ),
        (
            "what is reported",
            format!(
                "{temporary} c_result AS SELECT s.n, {result} AS id, {activity} AS activity_id, {team} AS team_id, {day} AS day, \
                 {topic} AS topic, {audience} AS audience, {turns} AS turns, {status} AS status, p.locality_id, p.org_unit_id \
                 FROM {series} JOIN c_place p ON p.n = ({team_number} * 7919) % (SELECT count(*) FROM c_place) + 1",
                result = d.id(3, "s.n"),
                activity = d.id(2, &activity_of("s.n")),
                team = d.id(1, &team_of("s.n")),
                team_number = team_of("s.n"),
                day = day_of("s.n"),
                series = d.series(results),
            ),
        ),
        (
            "results",
            format!(
                "INSERT INTO result (id, created_at, updated_at, version, activity_id, team_id, reported_on, lines, outputs, evidence, turns, \
                 status, revision, flags, created_by, submitted_by, verified_by, return_reason, from_tallies, locality_id, findings) \
                 SELECT id, {at}, {at}, CASE status WHEN 'submitted' THEN 2 ELSE 3 END, activity_id, team_id, day, {lines}, {empty}, {empty}, turns, \
                 status, 1, {empty}, {author}, {author}, CASE status WHEN 'verified' THEN {officer} END, \
                 CASE status WHEN 'returned' THEN 'thiếu danh sách' END, {false_word}, locality_id, {empty} FROM c_result ORDER BY n",
                at = d.instant(&format!("n / {teams} * 86400 % 5184000 + n % 80000")),
                lines = d.json("'[{\"topic\":\"' || topic || '\",\"audience\":\"' || audience || '\",\"turns\":' || turns || '}]'"),
                empty = d.json("'[]'"),
            ),
        ),
        (
            "revisions",
            format!(
                "INSERT INTO result_revision (result_id, revision, lines, outputs, evidence, status, submitted_by, submitted_at, decided_by, \
                 decided_at, return_reason) \
                 SELECT id, 1, lines, outputs, evidence, status, submitted_by, created_at, CASE status WHEN 'submitted' THEN NULL ELSE {officer} END, \
                 CASE status WHEN 'submitted' THEN NULL ELSE created_at END, return_reason FROM result WHERE id >= {first} AND id <= {last}",
                first = d.id(3, "1"),
                last = d.id(3, &results.to_string()),
            ),
        ),
        (
            "what is counted",
            // Each was filed; later it was verified, or given back. So the ledger has more entries than there are results.
            format!(
                "{temporary} c_entry AS SELECT row_number() OVER (ORDER BY at, n, step) AS seq, * FROM ( \
                 SELECT 1 AS step, n AS at, r.*, turns AS reported, 0 AS verified FROM c_result r \
                 UNION ALL SELECT 2, n + {teams}, r.*, CASE status WHEN 'returned' THEN -turns ELSE 0 END, \
                 CASE status WHEN 'verified' THEN turns ELSE 0 END FROM c_result r WHERE status <> 'submitted') e"
            ),
        ),
        (
            "ledger",
            format!(
                "INSERT INTO ledger (seq, at, actor_id, result_id, revision, team_id, org_unit_id, locality_id, indicator_id, day, topic, audience, \
                 delta_reported, delta_verified) \
                 SELECT seq, {at}, CASE step WHEN 1 THEN {author} ELSE {officer} END, id, 1, team_id, org_unit_id, locality_id, \
                 (SELECT id FROM indicator WHERE number = 7 LIMIT 1), day, topic, audience, reported, verified FROM c_entry ORDER BY seq",
                at = d.instant(&format!("at * 5000000 / {}", results + teams)),
            ),
        ),
        (
            "totals",
            "INSERT INTO rollup_cell (indicator_id, org_unit_id, locality_id, day, topic, audience, reported, verified) \
             SELECT indicator_id, org_unit_id, locality_id, day, topic, audience, sum(delta_reported), sum(delta_verified) FROM ledger \
             GROUP BY indicator_id, org_unit_id, locality_id, day, topic, audience \
             HAVING sum(delta_reported) <> 0 OR sum(delta_verified) <> 0"
                .to_owned(),
        ),
        (
            "totals",
            "INSERT INTO counter (name, value) SELECT 'ledger', max(seq) FROM ledger WHERE 1 = 1 \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value"
                .to_owned(),
        ),
        ("statistics", "ANALYZE".to_owned()),
    ]
}
