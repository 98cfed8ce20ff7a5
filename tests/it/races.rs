//! Two who move one thing at the same moment: exactly one wins, and the other is told what happened; the figures are those
//! of the winner.

use crate::{
    duplicates::{Team, candidates, figures, path, resolve, team},
    harness::{
        Answer, Caller, Replica, T, id_in,
        world::{HA_NOI, seeded_unit},
    },
};
use serde_json::{Value, json};

const ROUNDS: usize = 12;

/// A day of the campaign for each round.
fn day(round: usize) -> String {
    format!("2024-06-{:02}", round + 1)
}

/// Two teams, two verifiers over both, and a second replica that one half of the requests is sent to.
struct Scene {
    one: Team,
    two: Team,
    verifier: Caller,
    colleague: Caller,
    replica: Replica,
}

impl Scene {
    async fn set(t: &T) -> Self {
        let verifier = t.verifier(seeded_unit(HA_NOI)).await;
        let colleague = t.verifier(seeded_unit(HA_NOI)).await;
        let (one, two) = (team(t, HA_NOI).await, team(t, HA_NOI).await);
        Self { one, two, verifier, colleague, replica: t.replica().await }
    }
}

fn amendment(turns: i64) -> Value {
    json!({"lines": [{"topic": "cyber_safety", "audience": "residents", "turns": turns}], "reason": "Bổ sung"})
}

fn because() -> Value {
    json!({"reason": "Thiếu danh sách"})
}

/// Holds that one of two was taken and the other one told why not; says which one won.
#[track_caller]
fn one_of(first: &Answer, second: &Answer, round: usize) -> usize {
    let won: Vec<usize> = [first, second].iter().enumerate().filter(|(_, a)| a.status == 200).map(|(n, _)| n).collect();
    assert_eq!(won.len(), 1, "round {round}: {} | {}", first.text(), second.text());
    let loser = [second, first][won[0]];
    let problem = loser.json();
    let code = problem["code"].as_str().unwrap();
    match code {
        "stale_version" => assert_eq!(loser.status, 412),
        "wrong_state" => assert!(loser.status == 409 && problem["state"].is_string(), "{problem}"),
        _ => panic!("round {round}: {problem}"),
    }
    won[0]
}

async fn state(by: &Caller, result: &Value) -> (String, i64) {
    let now = by.get(&path(result)).await.ok(200);
    (now["status"].as_str().unwrap().to_owned(), now["turns"].as_i64().unwrap())
}

both! {
    async fn of_two_verifiers_one_verifies(t: &T) {
        let scene = Scene::set(t).await;
        let elsewhere = scene.replica.asked_by(&scene.colleague);
        for round in 0..ROUNDS {
            let result = scene.one.files(t, &day(round), 10).await;
            let verify = format!("{}/verify", path(&result));
            // By the version that was seen, and by any version: the second one finds it verified.
            let tag = if round % 2 == 0 { "\"2\"" } else { "*" };
            let by = |who: &Caller| who.send(actix_web::http::Method::POST, &verify).if_match(tag).into_future();
            let (first, second) = tokio::join!(by(&scene.verifier), by(&elsewhere));
            let won = one_of(&first, &second, round);
            let winner = [&scene.verifier, &scene.colleague][won].user_id;
            assert_eq!(scene.verifier.get(&path(&result)).await.ok(200)["verified_by"], json!(winner));
        }
        let turns = 10 * i64::try_from(ROUNDS).unwrap();
        assert_eq!(figures(t).await, (turns, turns));
    }

    async fn of_an_amendment_and_a_decision_one_takes_effect(t: &T) {
        let scene = Scene::set(t).await;
        let elsewhere = scene.replica.asked_by(&scene.colleague);
        let (mut reported, mut verified) = (0, 0);
        let mut winners = [0; 2];
        for round in 0..ROUNDS {
            let result = scene.one.files(t, &day(round), 10).await;
            let at = path(&result);
            let amend = scene.one.leader.post(&format!("{at}/amend"), &amendment(15)).if_match("\"2\"");
            let decide = if round % 2 == 0 {
                elsewhere.send(actix_web::http::Method::POST, &format!("{at}/verify"))
            } else {
                elsewhere.post(&format!("{at}/return"), &because())
            };
            let decide = decide.if_match("\"2\"");
            let (amended, decided) = if round % 4 < 2 {
                tokio::join!(amend.into_future(), decide.into_future())
            } else {
                let (decided, amended) = tokio::join!(decide.into_future(), amend.into_future());
                (amended, decided)
            };
            let won = one_of(&amended, &decided, round);
            winners[won] += 1;
            let now = state(&scene.verifier, &result).await;
            let expected = match (won, round % 2) {
                (0, _) => ("submitted", 15, 0),
                (_, 0) => ("verified", 10, 10),
                _ => ("returned", 10, 0),
            };
            assert_eq!((now.0.as_str(), now.1), (expected.0, expected.1), "round {round}");
            reported += if expected.0 == "returned" { 0 } else { expected.1 };
            verified += expected.2;
        }
        assert_eq!(figures(t).await, (reported, verified));
        assert!(winners.iter().all(|won| *won > 0), "both have won: {winners:?}");
    }

    async fn of_a_submission_and_an_amendment_or_another_submission_one_takes_effect(t: &T) {
        let scene = Scene::set(t).await;
        let elsewhere = scene.replica.asked_by(&t.admin);
        for round in 0..ROUNDS {
            let draft = t.draft(&scene.one.leader, &scene.one.activity, &day(round), 10).await;
            let at = path(&draft);
            let by = |who: &Caller| who.send(actix_web::http::Method::POST, &format!("{at}/submit")).if_match("\"1\"");
            let other = if round % 2 == 0 {
                elsewhere.post(&format!("{at}/amend"), &amendment(15)).if_match("\"1\"")
            } else {
                by(&elsewhere)
            };
            let (submitted, other) = tokio::join!(by(&scene.one.leader).into_future(), other.into_future());
            let won = one_of(&submitted, &other, round);
            assert!(won == 0 || round % 2 == 1, "what was not submitted is not amended");
            let revisions = scene.verifier.get(&format!("{at}/revisions")).await.ok(200);
            assert_eq!(revisions["data"].as_array().unwrap().len(), 1);
        }
        assert_eq!(figures(t).await, (10 * i64::try_from(ROUNDS).unwrap(), 0));
    }

    async fn of_an_amendment_and_a_verification_that_is_taken_back_one_takes_effect(t: &T) {
        let scene = Scene::set(t).await;
        let elsewhere = scene.replica.asked_by(&scene.colleague);
        let mut reported = 0;
        for round in 0..ROUNDS {
            let result = scene.one.files(t, &day(round), 10).await;
            let at = path(&result);
            scene.verifier.act(&format!("{at}/verify")).await.ok(200);
            let (amended, undone) = tokio::join!(
                scene.one.leader.post(&format!("{at}/amend"), &amendment(15)).if_match("\"3\"").into_future(),
                elsewhere.post(&format!("{at}/unverify"), &because()).if_match("\"3\"").into_future(),
            );
            reported += if one_of(&amended, &undone, round) == 0 { 15 } else { 10 };
        }
        assert_eq!(figures(t).await, (reported, 0));
    }

    async fn of_two_decisions_on_a_pair_one_stands(t: &T) {
        let scene = Scene::set(t).await;
        let elsewhere = scene.replica.asked_by(&scene.colleague);
        let mut reported = 0;
        for round in 0..ROUNDS {
            let day = day(round);
            scene.one.files(t, &day, 40).await;
            scene.two.files(t, &day, 40).await;
            let candidate = candidates(&scene.verifier, &format!("&from={day}&to={day}")).await.remove(0);
            let tag = if round % 2 == 0 { "\"1\"" } else { "*" };
            let decide = |who: &Caller, decision: &str| {
                let body = json!({"decision": decision, "reason": "Đã đối chiếu danh sách"});
                who.post(&resolve(&candidate), &body).if_match(tag).into_future()
            };
            let (first, second) =
                tokio::join!(decide(&scene.verifier, "duplicate"), decide(&elsewhere, ["distinct", "duplicate"][round % 2]));
            let won = one_of(&first, &second, round);
            reported += if won == 0 || round % 2 == 1 { 40 } else { 80 };
            assert_eq!(figures(t).await, (reported, 0), "round {round}");
        }
    }

    async fn of_a_decision_on_a_pair_and_a_move_that_ends_it_one_takes_effect(t: &T) {
        let scene = Scene::set(t).await;
        let elsewhere = scene.replica.asked_by(&scene.colleague);
        for round in 0..ROUNDS {
            let before = figures(t).await.0;
            let day = day(round);
            let first = scene.one.files(t, &day, 40).await;
            let second = scene.two.files(t, &day, 40).await;
            let candidate = candidates(&scene.verifier, &format!("&from={day}&to={day}")).await.remove(0);
            let body = json!({"decision": "duplicate", "reason": "Cùng một lớp", "duplicate_result_id": second["id"]});
            let decide = scene.verifier.post(&resolve(&candidate), &body).if_match("\"1\"");
            // Of the one that would be taken back, or of the other one.
            let (mover, moved, version) = if round % 4 < 2 { (&scene.two, &second, "\"2\"") } else { (&scene.one, &first, "\"3\"") };
            let at = path(moved);
            let other = if round % 2 == 0 {
                scene.replica.asked_by(&mover.leader).post(&format!("{at}/amend"), &amendment(90))
            } else {
                elsewhere.post(&format!("{at}/return"), &because())
            };
            let (decided, other) = tokio::join!(decide.into_future(), other.if_match(version).into_future());
            // Once it was decided, the result that stands may be amended all the same: it has lost a mark, no more. Returning
            // it wants that to be seen.
            let amended_after = round % 4 == 2 && decided.status == 200 && other.status == 200;
            let won = if amended_after { 0 } else { one_of(&decided, &other, round) };
            let turns = match (won, round % 2) {
                _ if amended_after => 90,
                (1, 0) => 130,
                _ => 40,
            };
            assert_eq!(figures(t).await.0 - before, turns, "round {round}");
            let status = candidates(&scene.verifier, &format!("&id={}", id_in(&candidate, "id"))).await.remove(0);
            assert_eq!(status["status"], if won == 0 { "duplicate" } else { "closed" });
        }
    }

    async fn a_result_that_is_taken_back_while_it_is_verified_counts_nowhere_in_the_end(t: &T) {
        let scene = Scene::set(t).await;
        let elsewhere = scene.replica.asked_by(&scene.colleague);
        for round in 0..ROUNDS {
            let day = day(round);
            scene.one.files(t, &day, 40).await;
            let second = scene.two.files(t, &day, 40).await;
            let candidate = candidates(&scene.verifier, &format!("&from={day}&to={day}")).await.remove(0);
            let body = json!({"decision": "duplicate", "reason": "Cùng một lớp"});
            // What is verified is a duplicate all the same, so the decision stands in either order.
            let (decided, verified) = tokio::join!(
                scene.verifier.post(&resolve(&candidate), &body).if_match("\"1\"").into_future(),
                elsewhere.act(&format!("{}/verify", path(&second))).into_future(),
            );
            decided.ok(200);
            if verified.status != 200 {
                assert_eq!(verified.problem(409, "wrong_state")["state"], "returned");
            }
            assert_eq!(state(&scene.verifier, &second).await.0, "returned");
            assert_eq!(figures(t).await, (40 * i64::try_from(round + 1).unwrap(), 0));
        }
    }

    async fn whoever_takes_any_version_is_not_refused_because_a_neighbour_was_filed(t: &T) {
        let scene = Scene::set(t).await;
        for round in 0..ROUNDS {
            let first = scene.one.files(t, &day(round), 40).await;
            let draft = t.draft(&scene.two.leader, &scene.two.activity, &day(round), 40).await;
            let (verified, filed) = tokio::join!(
                scene.verifier.act(&format!("{}/verify", path(&first))).into_future(),
                scene.replica.asked_by(&scene.two.leader).act(&format!("{}/submit", path(&draft))).into_future(),
            );
            verified.ok(200);
            filed.ok(200);
            let stored = scene.verifier.get(&path(&first)).await.ok(200);
            assert_eq!((&stored["status"], &stored["flags"]), (&json!("verified"), &json!(["possible_duplicate"])));
        }
    }
}
