//! Nothing twice: results of different teams that are alike are listed, and somebody decides.

use crate::harness::{
    Caller, Db, Field, T, day, id_in, value,
    world::{DA_NANG, HA_NOI, centre, indicator, new_activity, new_result, place, seeded_unit},
};
use sea_orm_migration::MigratorTrait;
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

const LIST: &str = "/v1/duplicate-candidates";
const DAY: &str = "2024-07-01";

/// A team at work in Hà Nội with an activity in the ward Phúc Xá.
pub struct Team {
    pub leader: Caller,
    pub activity: Value,
    pub id: Uuid,
}

pub async fn team(t: &T, unit: &str) -> Team {
    let (team, leader) = t.deployed_team(seeded_unit(unit)).await;
    let activity = t.activity(&leader, &team).await;
    Team { leader, activity, id: id_in(&team, "id") }
}

impl Team {
    pub async fn files(&self, t: &T, day: &str, turns: i64) -> Value {
        t.submitted(&self.leader, &self.activity, day, turns).await
    }
}

pub fn path(result: &Value) -> String {
    format!("/v1/results/{}", id_in(result, "id"))
}

/// The nation's reported and verified turns.
pub async fn figures(t: &T) -> (i64, i64) {
    let total = t.check().await.totals.get(&indicator()).copied().unwrap_or_default();
    (total.reported.0, total.verified.0)
}

pub async fn candidates(by: &Caller, query: &str) -> Vec<Value> {
    by.get(&format!("{LIST}?limit=200{query}")).await.ok(200)["data"].as_array().unwrap().clone()
}

async fn flagged(by: &Caller, result: &Value) -> bool {
    by.get(&path(result)).await.ok(200)["flags"].as_array().unwrap().contains(&json!("possible_duplicate"))
}

pub fn resolve(candidate: &Value) -> String {
    format!("{LIST}/{}/resolve", id_in(candidate, "id"))
}

fn lines(topic: &str, turns: i64) -> Value {
    json!([{"topic": topic, "audience": "children", "turns": turns}])
}

async fn amended(by: &Caller, result: &Value, lines: Value) -> Value {
    let body = json!({"lines": lines, "reason": "Bổ sung danh sách"});
    by.post(&format!("{}/amend", path(result)), &body).if_match("*").await.ok(200)
}

both! {
    async fn what_is_alike_is_listed_and_marked_and_still_counts(t: &T) {
        let (one, two) = (team(t, HA_NOI).await, team(t, HA_NOI).await);
        let verifier = t.verifier(seeded_unit(HA_NOI)).await;
        let first = one.files(t, DAY, 40).await;
        assert_eq!((&first["flags"], candidates(&verifier, "").await.len()), (&json!([]), 0));
        let second = two.files(t, DAY, 37).await;
        assert_eq!(second["flags"], json!(["possible_duplicate"]));
        assert_eq!(figures(t).await, (77, 0), "nothing is taken back by itself");
        let listed = candidates(&verifier, "&include_total=true").await;
        assert_eq!(listed.len(), 1);
        let candidate = verifier.get(&format!("{LIST}/{}", id_in(&listed[0], "id"))).await;
        assert_eq!((&candidate.ok(200), candidate.etag().as_str()), (&listed[0], "\"1\""));
        let candidate = candidate.json();
        for (field, expected) in [
            ("status", json!("open")), ("day", json!(DAY)), ("topics", json!(["cyber_safety"])),
            ("locality_id", json!(place("00001"))), ("reason", Value::Null), ("decided_by", Value::Null),
            ("allowed_actions", json!(["resolve"])),
        ] {
            assert_eq!(candidate[field], expected, "{field}");
        }
        let mut sides = candidate["results"].as_array().unwrap().clone();
        sides.sort_by_key(|side| side["turns"].as_i64());
        let side = |result: &Value, team: &Team, turns: i64| json!({"result_id": result["id"], "team_id": team.id, "turns": turns});
        assert_eq!(sides, [side(&second, &two, 37), side(&first, &one, 40)]);
        // The earlier one is marked too, at its next version, and both are found by the mark.
        let earlier = verifier.get(&path(&first)).await.ok(200);
        assert_eq!((&earlier["flags"], &earlier["version"]), (&json!(["possible_duplicate"]), &json!(3)));
        let note = &earlier["review"][0];
        assert!(note["message"].as_str().unwrap().contains("cùng địa bàn"), "{note}");
        let english = verifier.get(&path(&first)).header("accept-language", "en").await.ok(200);
        assert!(english["review"][0]["message"].as_str().unwrap().contains("another team's"), "{english}");
        let queue = verifier.get("/v1/results?flag=possible_duplicate&status=submitted").await.ok(200);
        assert_eq!(queue["data"].as_array().unwrap().len(), 2);
        // What is verified many at once by a filter leaves them for a human eye.
        let outcome = verifier.post("/v1/results/verify", &json!({"filter": {}})).await.ok(200);
        assert_eq!(outcome["accepted"], 0);
        for query in [
            format!("&id={}", id_in(&candidate, "id")), format!("&result_id={}", id_in(&first, "id")),
            format!("&team_id={}", two.id), "&status=open".to_owned(), format!("&from={DAY}&to={DAY}"),
            format!("&within={}", seeded_unit(HA_NOI)),
            format!("&locality_id={}", place("00001")), format!("&campaign_id={}", crate::harness::world::campaign()),
        ] {
            assert_eq!(candidates(&verifier, &query).await.len(), 1, "{query}");
        }
        for query in ["&status=distinct", "&from=2024-07-02", "&to=2024-06-30", &format!("&team_id={}", Uuid::now_v7()), &format!("&locality_id={}", place("00004"))] {
            assert_eq!(candidates(&verifier, query).await.len(), 0, "{query}");
        }
    }

    async fn another_day_place_topic_size_campaign_team_or_a_joint_activity_is_no_candidate(t: &T) {
        let one = team(t, HA_NOI).await;
        one.files(t, DAY, 40).await;
        let two = team(t, HA_NOI).await;
        two.files(t, "2024-07-02", 40).await;
        // Another topic; too far in size; both at once.
        for (day, lines) in [("2024-07-01", lines("office_software", 40)), ("2024-07-03", lines("cyber_safety", 40))] {
            let mut body = new_result(id_in(&two.activity, "id"), two.id, day, 1);
            body["lines"] = lines;
            let draft = two.leader.post("/v1/results", &body).await.ok(201);
            two.leader.act(&format!("{}/submit", path(&draft))).await.ok(200);
        }
        one.files(t, "2024-07-03", 51).await;
        // Another ward.
        let three = team(t, HA_NOI).await;
        let mut elsewhere = new_activity(three.id);
        elsewhere["locality_id"] = json!(place("00004"));
        let elsewhere = three.leader.post("/v1/activities", &elsewhere).await.ok(201);
        t.submitted(&three.leader, &elsewhere, DAY, 40).await;
        // The same team once more, and two teams of one activity.
        let again = t.activity(&one.leader, &json!({"id": one.id})).await;
        t.submitted(&one.leader, &again, DAY, 40).await;
        let mut joint = new_activity(three.id);
        let guest = team(t, DA_NANG).await;
        joint["team_ids"] = json!([three.id, guest.id]);
        let joint = t.admin.post("/v1/activities", &joint).await.ok(201);
        for (leader, team) in [(&three.leader, three.id), (&guest.leader, guest.id)] {
            let draft = leader.post("/v1/results", &new_result(id_in(&joint, "id"), team, "2024-07-08", 40)).await.ok(201);
            leader.act(&format!("{}/submit", path(&draft))).await.ok(200);
        }
        assert_eq!(candidates(&t.admin, "").await, Vec::<Value>::new());
        let flagged: i64 = value(t.store.read(), "SELECT count(*) FROM result WHERE CAST(flags AS text) <> '[]'").await;
        assert_eq!(flagged, 0);
    }

    async fn a_draft_is_compared_only_when_it_is_filed_and_a_rehearsal_asks_nothing(t: &T) {
        let (one, two) = (team(t, HA_NOI).await, team(t, HA_NOI).await);
        let first = one.files(t, DAY, 40).await;
        let draft = t.draft(&two.leader, &two.activity, DAY, 40).await;
        let submit = format!("{}/submit", path(&draft));
        let dry = two.leader.act(&format!("{submit}?dry_run=true")).await.ok(200);
        assert_eq!(dry["flags"], json!(["possible_duplicate"]), "the author learns of it before");
        assert_eq!((candidates(&t.admin, "").await.len(), flagged(&t.admin, &first).await), (0, false));
        two.leader.act(&submit).await.ok(200);
        assert_eq!((candidates(&t.admin, "").await.len(), flagged(&t.admin, &first).await), (1, true));
    }

    async fn distinct_and_joint_count_both_and_stand_until_a_figure_changes(t: &T) {
        let verifier = t.verifier(seeded_unit(HA_NOI)).await;
        for (decision, day) in [("distinct", "2024-07-01"), ("joint", "2024-07-02")] {
            let before = figures(t).await;
            let (one, two) = (team(t, HA_NOI).await, team(t, HA_NOI).await);
            let (first, second) = (one.files(t, day, 40).await, two.files(t, day, 40).await);
            let query = format!("&from={day}&to={day}");
            let candidate = candidates(&verifier, &query).await.remove(0);
            let body = json!({"decision": decision, "reason": "Hai lớp, sáng và chiều"});
            let decided = verifier.post(&resolve(&candidate), &body).if_match("\"1\"").await.ok(200);
            for (field, expected) in [
                ("status", json!(decision)), ("reason", body["reason"].clone()), ("decided_by", json!(verifier.user_id)),
                ("version", json!(2)), ("allowed_actions", json!([])), ("duplicate_result_id", Value::Null),
            ] {
                assert_eq!(decided[field], expected, "{field}");
            }
            assert!(decided["decided_at"].is_string());
            for result in [&first, &second] {
                assert!(!flagged(&verifier, result).await);
                verifier.act(&format!("{}/verify", path(result))).await.ok(200);
            }
            assert_eq!(figures(t).await, (before.0 + 80, before.1 + 80));
            let refused = verifier.post(&resolve(&candidate), &body).if_match("*").await.problem(409, "wrong_state");
            assert_eq!(refused["state"], decision);
            // The same figures say nothing new.
            amended(&two.leader, &second, json!([{"topic": "cyber_safety", "audience": "residents", "turns": 40}])).await;
            assert_eq!(candidates(&verifier, &query).await[0]["status"], decision);
            // Another audience is another statement of the same turns on the topic.
            amended(&two.leader, &second, lines("cyber_safety", 40)).await;
            assert_eq!(candidates(&verifier, &query).await[0]["status"], decision);
            amended(&two.leader, &second, lines("cyber_safety", 41)).await;
            let reopened = candidates(&verifier, &query).await;
            assert_eq!(reopened.len(), 1);
            assert_eq!((&reopened[0]["id"], &reopened[0]["status"], &reopened[0]["reason"]), (&candidate["id"], &json!("open"), &Value::Null));
            assert!(flagged(&verifier, &first).await && flagged(&verifier, &second).await);
        }
    }

    async fn a_duplicate_is_taken_back_through_the_ledger_and_asked_about_again_when_it_comes_back(t: &T) {
        let (one, two) = (team(t, HA_NOI).await, team(t, HA_NOI).await);
        let verifier = t.verifier(seeded_unit(HA_NOI)).await;
        let (first, second) = (one.files(t, DAY, 40).await, two.files(t, DAY, 40).await);
        verifier.act(&format!("{}/verify", path(&second))).await.ok(200);
        assert_eq!(figures(t).await, (80, 40));
        let candidate = candidates(&verifier, "").await.remove(0);
        let body = json!({"decision": "duplicate", "reason": "Cùng một lớp, cùng danh sách"});
        let dry = verifier.post(&format!("{}?dry_run=true", resolve(&candidate)), &body).if_match("*").await.ok(200);
        assert_eq!((&dry["status"], figures(t).await), (&json!("duplicate"), (80, 40)));
        let decided = verifier.post(&resolve(&candidate), &body).if_match("*").await.ok(200);
        assert_eq!(decided["duplicate_result_id"], second["id"], "the one that was counted later");
        assert_eq!(figures(t).await, (40, 0));
        let taken = two.leader.get(&path(&second)).await.ok(200);
        assert_eq!((&taken["status"], &taken["verified_by"], &taken["flags"]), (&json!("returned"), &Value::Null, &json!([])));
        let why = taken["return_reason"].as_str().unwrap();
        assert!(why.contains(first["id"].as_str().unwrap()) && why.contains("cùng danh sách"), "{why}");
        let revision = two.leader.get(&format!("{}/revisions", path(&second))).await.ok(200)["data"][0].clone();
        assert_eq!((&revision["status"], &revision["decided_by"]), (&json!("returned"), &json!(verifier.user_id)));
        assert!(!flagged(&verifier, &first).await);
        let audited = t.admin.get(&format!("/v1/audit-log?resource_id={}", id_in(&candidate, "id"))).await.ok(200);
        assert_eq!(audited["data"].as_array().unwrap().len(), 1);
        // Submitted once more, unchanged: it counts, and not silently.
        let again = two.leader.act(&format!("{}/submit", path(&second))).await.ok(200);
        assert_eq!((&again["revision"], &again["flags"]), (&json!(2), &json!(["possible_duplicate"])));
        assert_eq!(figures(t).await, (80, 0));
        let reopened = candidates(&verifier, "&status=open").await;
        assert_eq!((&reopened[0]["id"], &reopened[0]["duplicate_result_id"]), (&candidate["id"], &Value::Null));
        // This time the other one goes.
        let body = json!({"decision": "duplicate", "reason": "Đội kia báo sai ngày", "duplicate_result_id": first["id"]});
        verifier.post(&resolve(&candidate), &body).if_match("*").await.ok(200);
        assert_eq!(one.leader.get(&path(&first)).await.ok(200)["status"], "returned");
        assert_eq!((figures(t).await, flagged(&verifier, &second).await), ((40, 0), false));
    }

    async fn an_open_candidate_goes_when_a_side_counts_no_more_or_is_alike_no_more(t: &T) {
        let teams = [team(t, HA_NOI).await, team(t, HA_NOI).await, team(t, HA_NOI).await];
        let verifier = t.verifier(seeded_unit(HA_NOI)).await;
        let mut filed = Vec::new();
        for team in &teams {
            filed.push(team.files(t, DAY, 40).await);
        }
        let open = async || candidates(&verifier, "&status=open").await.len();
        assert_eq!(open().await, 3);
        let back = json!({"reason": "Thiếu danh sách"});
        verifier.post(&format!("{}/return", path(&filed[0])), &back).if_match("*").await.ok(200);
        assert_eq!(open().await, 1);
        assert_eq!((flagged(&verifier, &filed[0]).await, flagged(&verifier, &filed[1]).await), (false, true));
        amended(&teams[1].leader, &filed[1], lines("cyber_safety", 90)).await;
        assert_eq!((open().await, flagged(&verifier, &filed[2]).await), (0, false));
        let closed = candidates(&verifier, "&status=closed").await;
        assert_eq!((closed.len(), &closed[0]["allowed_actions"]), (3, &json!([])));
        let body = json!({"decision": "distinct", "reason": "Khác nhau"});
        let refused = verifier.post(&resolve(&closed[0]), &body).if_match("*").await.problem(409, "wrong_state");
        assert_eq!(refused["state"], "closed");
        teams[0].leader.act(&format!("{}/submit", path(&filed[0]))).await.ok(200);
        assert_eq!(open().await, 1);
        amended(&teams[1].leader, &filed[1], lines("cyber_safety", 40)).await;
        assert_eq!(open().await, 3);
        for result in &filed {
            assert!(flagged(&verifier, result).await);
        }
    }

    async fn a_place_that_was_changed_before_filing_is_where_it_is_compared(t: &T) {
        let (one, two) = (team(t, HA_NOI).await, team(t, HA_NOI).await);
        one.files(t, DAY, 40).await;
        let draft = t.draft(&two.leader, &two.activity, DAY, 40).await;
        let activity = format!("/v1/activities/{}", id_in(&two.activity, "id"));
        two.leader.patch(&activity, &json!({"locality_id": place("00004")})).if_match("*").await.ok(200);
        two.leader.act(&format!("{}/submit", path(&draft))).await.ok(200);
        assert_eq!(candidates(&t.admin, "").await.len(), 0);
        // While it counts it stays; returned, it may go where it was.
        two.leader.patch(&activity, &json!({"locality_id": place("00001")})).if_match("*").await.problem(409, "not_editable");
        t.admin.post(&format!("{}/return", path(&draft)), &json!({"reason": "Sai địa bàn"})).if_match("*").await.ok(200);
        two.leader.patch(&activity, &json!({"locality_id": place("00001")})).if_match("*").await.ok(200);
        two.leader.act(&format!("{}/submit", path(&draft))).await.ok(200);
        assert_eq!(candidates(&t.admin, "").await.len(), 1);
    }

    async fn whoever_reaches_one_team_sees_the_pair_and_not_who_the_other_is(t: &T) {
        let (one, two) = (team(t, HA_NOI).await, team(t, DA_NANG).await);
        let (first, second) = (one.files(t, DAY, 40).await, two.files(t, DAY, 38).await);
        for (who, own, other) in [
            (one.leader.clone(), &first, &second),
            (t.verifier(seeded_unit(DA_NANG)).await, &second, &first),
            (t.user(Role::Viewer, seeded_unit(HA_NOI)).await, &first, &second),
        ] {
            let seen = candidates(&who, "").await;
            assert_eq!((seen.len(), &seen[0]["allowed_actions"]), (1, &json!([])));
            for side in seen[0]["results"].as_array().unwrap() {
                assert_eq!(side["team_id"].is_null(), side["result_id"] != own["id"], "{side}");
            }
            who.get(&path(other)).await.problem(404, "not_found");
            // Nor can it be guessed by asking.
            for query in ["team_id", "result_id", "within"] {
                let id = match query {
                    "team_id" => other["team_id"].clone(),
                    "result_id" => other["id"].clone(),
                    _ => json!(seeded_unit(if own["id"] == first["id"] { DA_NANG } else { HA_NOI })),
                };
                assert_eq!(candidates(&who, &format!("&{query}={}", id.as_str().unwrap())).await.len(), 0, "{query}");
            }
            assert_eq!(candidates(&who, &format!("&result_id={}", own["id"].as_str().unwrap())).await.len(), 1);
        }
        let candidate = candidates(&t.admin, "").await.remove(0);
        let body = json!({"decision": "distinct", "reason": "Khác nhau"});
        t.verifier(seeded_unit(HA_NOI)).await.post(&resolve(&candidate), &body).if_match("*").await.problem(403, "forbidden");
        one.leader.post(&resolve(&candidate), &body).if_match("*").await.problem(403, "forbidden");
        let elsewhere = t.verifier(seeded_unit("TD-79")).await;
        elsewhere.post(&resolve(&candidate), &body).if_match("*").await.problem(404, "not_found");
        assert_eq!(candidates(&elsewhere, "").await.len(), 0);
        t.verifier(centre()).await.post(&resolve(&candidate), &body).if_match("*").await.ok(200);
    }

    async fn nobody_decides_on_what_they_submitted_and_a_decision_wants_its_reason_and_version(t: &T) {
        let (one, two) = (team(t, HA_NOI).await, team(t, HA_NOI).await);
        one.files(t, DAY, 40).await;
        let draft = t.draft(&two.leader, &two.activity, DAY, 40).await;
        t.admin.act(&format!("{}/submit", path(&draft))).await.ok(200);
        let candidate = candidates(&t.admin, "").await.remove(0);
        assert_eq!(candidate["allowed_actions"], json!([]));
        let at = resolve(&candidate);
        let body = json!({"decision": "distinct", "reason": "Khác nhau"});
        t.admin.post(&at, &body).if_match("*").await.problem(403, "verifier_is_submitter");
        let verifier = t.verifier(centre()).await;
        verifier.post(&at, &body).await.problem(428, "if_match_required");
        verifier.post(&at, &body).if_match("\"7\"").await.problem(412, "stale_version");
        for (body, fault) in [
            (json!({"decision": "distinct"}), ("/reason", "required")),
            (json!({"decision": "distinct", "reason": "  "}), ("/reason", "bad_format")),
            (json!({"decision": "distinct", "reason": "x".repeat(1801)}), ("/reason", "too_long")),
            (json!({"decision": "same", "reason": "x"}), ("/decision", "not_allowed_value")),
            (json!({"reason": "x"}), ("/decision", "required")),
            (json!({"decision": "distinct", "reason": "x", "note": 1}), ("/note", "unknown_field")),
            (
                json!({"decision": "distinct", "reason": "x", "duplicate_result_id": draft["id"]}),
                ("/duplicate_result_id", "too_many"),
            ),
            (
                json!({"decision": "duplicate", "reason": "x", "duplicate_result_id": Uuid::now_v7()}),
                ("/duplicate_result_id", "not_allowed_value"),
            ),
        ] {
            verifier.post(&at, &body).if_match("*").await.faults(422, &[fault]);
        }
        assert_eq!((candidates(&verifier, "&status=open").await.len(), figures(t).await), (1, (80, 0)));
        // With the longest reason the returned result's own still fits.
        let longest = json!({"decision": "duplicate", "reason": "đ".repeat(1800)});
        verifier.post(&at, &longest).if_match("\"1\"").key("d-1").await.ok(200);
        let again = verifier.post(&at, &longest).if_match("\"1\"").key("d-1").await;
        assert_eq!((again.ok(200)["status"].as_str(), again.header("idempotency-replayed")), (Some("duplicate"), Some("true")));
        assert_eq!(figures(t).await, (40, 0));
    }

    async fn many_that_are_filed_in_one_call_are_compared_with_one_another_too(t: &T) {
        let mut teams = Vec::new();
        for _ in 0..4 {
            teams.push(team(t, HA_NOI).await);
        }
        let coordinator = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        let of = |team: &Team, day: &str| new_result(id_in(&team.activity, "id"), team.id, day, 40);
        let results: Vec<Value> = teams.iter().map(|team| of(team, DAY)).chain([of(&teams[0], "2024-07-02")]).collect();
        let batch = json!({"results": results, "submit": true});
        coordinator.post("/v1/results/bulk", &batch).await.ok(200);
        assert_eq!(candidates(&t.admin, "").await.len(), 6);
        let marked = t.admin.get("/v1/results?flag=possible_duplicate&include_total=true").await.ok(200);
        assert_eq!(marked["total"], 4);
    }

    async fn those_that_are_filed_at_the_same_moment_see_one_another(t: &T) {
        let mut teams = Vec::new();
        for _ in 0..5 {
            teams.push(team(t, HA_NOI).await);
        }
        for round in 1..=4 {
            let day = format!("2024-07-0{round}");
            let mut drafts = Vec::new();
            for team in &teams {
                drafts.push(t.draft(&team.leader, &team.activity, &day, 40).await);
            }
            let submits = teams.iter().zip(&drafts).map(|(team, draft)| {
                team.leader.act(&format!("{}/submit", path(draft))).into_future()
            });
            for answer in futures_util::future::join_all(submits).await {
                answer.ok(200);
            }
            assert_eq!(candidates(&t.admin, &format!("&from={day}&to={day}")).await.len(), 10, "round {round}");
            for draft in &drafts {
                assert!(flagged(&t.admin, draft).await);
            }
        }
    }

    async fn results_of_before_are_found_by_their_place_too(db: &Db) {
        let field = Field::sown(db).await;
        field.submitted(db, day(1), 20, 0).await;
        let since = u32::try_from(tinhnguyen_persistence::Migrator::migrations().len() - 15).unwrap();
        db.store.migrate_down(since).await.unwrap();
        db.store.migrate().await.unwrap();
        let nowhere: i64 = value(db.store.read(), "SELECT count(*) FROM result WHERE locality_id IS NULL").await;
        assert_eq!(nowhere, 0);
        let there = "SELECT count(*) FROM result JOIN activity ON activity.id = result.activity_id \
                     WHERE activity.locality_id = result.locality_id";
        assert_eq!(value::<i64>(db.store.read(), there).await, 1);
    }
}
