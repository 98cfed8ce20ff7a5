//! The feed of changes: nothing is missed, nothing foreign is told, and what went out of sight is told to be gone.

use crate::harness::{
    Blank, Caller, T,
    desk::Desk,
    id_in, value,
    world::{DA_NANG, HA_NOI, centre, new_activity, new_result, seeded_unit},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

/// Follows from a cursor to the end, page by page; gives what was told and where it ended.
async fn follow(caller: &Caller, since: Option<&str>, more: &str) -> (Vec<Value>, String) {
    let mut told = Vec::new();
    let mut cursor = since.map(ToOwned::to_owned);
    loop {
        let since = cursor.as_ref().map(|cursor| format!("since={cursor}&")).unwrap_or_default();
        let page = caller.get(&format!("/v1/changes?{since}{more}")).await.ok(200);
        told.extend(page["data"].as_array().unwrap().iter().cloned());
        cursor = Some(page["next_cursor"].as_str().unwrap().to_owned());
        if page["has_more"] == false {
            return (told, cursor.unwrap());
        }
    }
}

async fn now(caller: &Caller) -> String {
    follow(caller, Some("now"), "").await.1
}

fn kinds_and_actions(told: &[Value]) -> Vec<(&str, &str)> {
    told.iter().map(|one| (one["kind"].as_str().unwrap(), one["action"].as_str().unwrap())).collect()
}

both! {
    async fn a_leader_is_told_what_happens_in_their_team_in_order_and_nothing_else(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (_, stranger) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let (_, beside) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let since = now(&leader).await;
        let [here, there, next] = [now(&leader).await, now(&stranger).await, now(&beside).await];
        assert_eq!(here, since, "nothing happened");
        let activity = t.activity(&leader, &team).await;
        let draft = t.draft(&leader, &activity, "2024-07-01", 5).await;
        leader.act(&format!("/v1/results/{}/submit", id_in(&draft, "id"))).await.ok(200);
        let (told, until) = follow(&leader, Some(&since), "include=items").await;
        // The activity goes on with its first result; of one thing the last change is told, at its place.
        assert_eq!(kinds_and_actions(&told), [("activity", "create_result"), ("result", "submit_result")]);
        assert_eq!(told[0]["item"], leader.get(&format!("/v1/activities/{}", id_in(&activity, "id"))).await.ok(200));
        assert_eq!(told[1]["item"], leader.get(&format!("/v1/results/{}", id_in(&draft, "id"))).await.ok(200));
        assert_eq!((&told[1]["version"], &told[1]["deleted"], &told[1]["id"]), (&json!(2), &json!(false), &draft["id"]));
        let (one_by_one, end) = follow(&leader, Some(&since), "limit=1").await;
        assert_eq!(end, until);
        let places: Vec<_> = one_by_one.iter().map(|one| (&one["kind"], &one["id"], one.get("item"))).collect();
        for one in &told {
            assert!(places.contains(&(&one["kind"], &one["id"], None)), "{one}");
        }
        for (caller, since) in [(&stranger, there), (&beside, next)] {
            assert_eq!(follow(caller, Some(&since), "").await.0, Vec::<Value>::new());
        }
        // Only some of it, by kind.
        let (results, _) = follow(&leader, None, "kind=result").await;
        assert_eq!(results.iter().map(|one| &one["id"]).collect::<Vec<_>>(), [&draft["id"]]);
        let (all, _) = follow(&t.admin, None, "limit=200").await;
        let of: BTreeSet<&str> = all.iter().map(|one| one["kind"].as_str().unwrap()).collect();
        assert_eq!(of, BTreeSet::from(["activity", "result", "team"]), "neither accounts nor grants");
    }

    async fn every_kind_of_thing_is_told_as_its_own_operation_shows_it(t: &T) {
        let since = now(&t.admin).await;
        let unit = t.commune(seeded_unit(HA_NOI), "XD-FEED").await;
        let team = t.team(unit).await;
        let volunteer = t.volunteer(unit, "Trần Văn Bình").await;
        let member = t.member(&team, volunteer, "leader").await;
        let campaign = json!({"code": "HE-2031", "name": "Mới", "starts_on": "2031-06-01", "ends_on": "2031-08-31"});
        let campaign = t.admin.post("/v1/campaigns", &campaign).await.ok(201);
        let indicator = json!({"campaign_id": campaign["id"], "name": "Lớp", "unit": "lớp", "measure": "classes", "target_value": 9});
        let indicator = t.admin.post("/v1/indicators", &indicator).await.ok(201);
        let (told, _) = follow(&t.admin, Some(&since), "include=items").await;
        let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
        let shown = [
            ("org_unit", format!("/v1/org-units/{unit}")),
            ("team", format!("/v1/teams/{}", id(&team))),
            ("team_member", format!("/v1/teams/{}/members/{}", id(&team), id(&member))),
            ("campaign", format!("/v1/campaigns/{}", id(&campaign))),
            ("indicator", format!("/v1/indicators/{}", id(&indicator))),
            ("target", format!("/v1/indicators/{}/targets/{}", id(&indicator), centre())),
        ];
        assert_eq!(told.len(), shown.len(), "and not the volunteer: {told:?}");
        for (one, (kind, path)) in told.iter().zip(shown) {
            assert_eq!((one["kind"].as_str(), &one["item"]), (Some(kind), &t.admin.get(&path).await.ok(200)));
        }
    }

    async fn what_is_deleted_or_goes_out_of_sight_is_told_to_be_gone_to_those_who_saw_it(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (other, fellow) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (_, stranger) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let mut joint = new_activity(id_in(&team, "id"));
        joint["team_ids"] = json!([team["id"], other["id"]]);
        let coordinator = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        let since = [now(&leader).await, now(&fellow).await, now(&stranger).await, now(&coordinator).await];
        let joint = coordinator.post("/v1/activities", &joint).await.ok(201);
        let draft = t.draft(&leader, &joint, "2024-07-01", 5).await;
        assert_eq!(follow(&fellow, Some(&since[1]), "").await.0.len(), 1, "the joint activity is theirs too");
        let of_draft = format!("/v1/results/{}", id_in(&draft, "id"));
        leader.delete(&of_draft).if_match("*").await.ok(204);
        let joint_path = format!("/v1/activities/{}", id_in(&joint, "id"));
        coordinator.patch(&joint_path, &json!({"team_ids": [team["id"]]})).if_match("*").await.ok(200);
        let gone = |told: &[Value]| -> Vec<(String, bool)> {
            told.iter().map(|one| (one["kind"].as_str().unwrap().to_owned(), one["deleted"] == true)).collect()
        };
        let (told, _) = follow(&leader, Some(&since[0]), "include=items").await;
        assert_eq!(gone(&told), [("result".to_owned(), true), ("activity".to_owned(), false)]);
        assert_eq!((told[0].get("item"), told[0].get("version"), &told[0]["id"]), (None, None, &draft["id"]));
        let (told, _) = follow(&fellow, Some(&since[1]), "").await;
        assert_eq!(gone(&told), [("activity".to_owned(), true)], "and nothing of the other team's draft");
        assert_eq!(follow(&stranger, Some(&since[2]), "").await.0, Vec::<Value>::new());
        let (told, _) = follow(&coordinator, Some(&since[3]), "").await;
        assert_eq!(gone(&told), [("result".to_owned(), true), ("activity".to_owned(), false)]);
    }

    async fn a_cursor_is_good_for_its_reader_and_kind_and_tells_when_their_sight_changed(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (other, fellow) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let cursor = now(&leader).await;
        let of_list = t.admin.get("/v1/teams?limit=1").await.ok(200)["next_cursor"].as_str().unwrap().to_owned();
        for wrong in ["x", "bm93", of_list.as_str(), &cursor[1..], &cursor.to_ascii_uppercase()] {
            leader.get(&format!("/v1/changes?since={wrong}")).await.problem(400, "bad_cursor");
        }
        fellow.get(&format!("/v1/changes?since={cursor}")).await.problem(400, "bad_cursor");
        leader.get(&format!("/v1/changes?kind=team&since={cursor}")).await.problem(400, "bad_cursor");
        leader.get("/v1/changes?kind=grant").await.problem(400, "invalid_parameter");
        leader.get("/v1/changes?wait=31").await.problem(400, "invalid_parameter");
        leader.get("/v1/changes?limit=201").await.problem(400, "invalid_parameter");
        leader.get("/v1/changes?cursor=x").await.problem(400, "unknown_parameter");
        let page = leader.get(&format!("/v1/changes?since={cursor}")).await.ok(200);
        assert_eq!((&page["sight_changed"], &page["next_cursor"]), (&json!(false), &json!(cursor)));
        // They lead a second team from now on: what there was of it is no change.
        t.grant(&leader, Role::TeamLeader, seeded_unit(HA_NOI), Some(id_in(&other, "id"))).await;
        let page = leader.get(&format!("/v1/changes?wait=20&since={cursor}")).await.ok(200);
        assert_eq!((&page["sight_changed"], &page["data"]), (&json!(true), &json!([])), "and is not waited for");
        let next = page["next_cursor"].as_str().unwrap().to_owned();
        t.activity(&fellow, &other).await;
        let page = leader.get(&format!("/v1/changes?since={next}")).await.ok(200);
        assert_eq!((&page["sight_changed"], page["data"].as_array().unwrap().len()), (&json!(false), 1));
        assert_eq!(page["data"][0]["kind"], "activity");
        assert_ne!(team["id"], other["id"]);
    }

    async fn a_client_is_told_of_the_kinds_that_its_scopes_read(t: &T) {
        let body = json!({"name": "Cổng", "org_unit_id": seeded_unit(HA_NOI), "scopes": ["catalogue:read", "results:read"]});
        let client = t.admin.post("/v1/clients", &body).await.ok(201);
        let (id, secret) = (client["id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let send = t.stranger.send(actix_web::http::Method::POST, "/v1/auth/token");
        let token = send.body("application/x-www-form-urlencoded", form).await.ok(200);
        let client = t.stranger.clone().with_token(token["access_token"].as_str().unwrap());
        for unit in [HA_NOI, DA_NANG] {
            let (team, leader) = t.deployed_team(seeded_unit(unit)).await;
            let activity = t.activity(&leader, &team).await;
            t.submitted(&leader, &activity, "2024-07-01", 5).await;
        }
        let (told, _) = follow(&client, None, "").await;
        assert_eq!(kinds_and_actions(&told), [("result", "submit_result")]);
    }

    async fn however_many_write_at_two_replicas_a_reader_misses_nothing(t: &T) {
        const TEAMS: usize = 4;
        let other = t.replica().await;
        let (admin_here, admin_there) = (t.admin.clone(), other.asked_by(&t.admin));
        let mut teams = Vec::new();
        for _ in 0..TEAMS {
            teams.push(t.deployed_team(seeded_unit(HA_NOI)).await);
        }
        let since = now(&t.admin).await;
        let done = std::cell::Cell::new(0);
        let write = async |n: usize| {
            let (team, leader) = &teams[n];
            let there = other.asked_by(leader);
            for round in 0..6 {
                let by = if round % 2 == 0 { leader } else { &there };
                let activity = t.activity(by, team).await;
                let body = new_result(id_in(&activity, "id"), id_in(team, "id"), "2024-07-01", 1);
                let draft = id_in(&by.post("/v1/results", &body).await.ok(201), "id");
                match round % 3 {
                    0 => drop(by.act(&format!("/v1/results/{draft}/submit")).await.ok(200)),
                    1 => drop(by.delete(&format!("/v1/results/{draft}")).if_match("*").await.ok(204)),
                    _ => {}
                }
            }
            done.set(done.get() + 1);
        };
        // Readers that apply what they are told, as a phone does; one at each replica, with small pages.
        let read = async |reader: &Caller, limit: usize| {
            let mut copy: BTreeMap<(String, String), i64> = BTreeMap::new();
            let mut since = since.clone();
            loop {
                let finished = done.get() == TEAMS;
                let (told, next) = follow(reader, Some(&since), &format!("limit={limit}")).await;
                for one in told {
                    let key = (one["kind"].as_str().unwrap().to_owned(), one["id"].as_str().unwrap().to_owned());
                    if one["deleted"] == true {
                        copy.remove(&key);
                    } else {
                        copy.insert(key, one["version"].as_i64().unwrap());
                    }
                }
                since = next;
                if finished {
                    return copy;
                }
                tokio::task::yield_now().await;
            }
        };
        let writers = futures_util::future::join_all((0..TEAMS).map(&write));
        let (_, here, there) = tokio::join!(writers, read(&admin_here, 3), read(&admin_there, 7));
        let mut expected = BTreeMap::new();
        for (kind, path) in [("activity", "/v1/activities"), ("result", "/v1/results")] {
            for item in t.admin.get(&format!("{path}?limit=200")).await.ok(200)["data"].as_array().unwrap() {
                expected.insert((kind.to_owned(), item["id"].as_str().unwrap().to_owned()), item["version"].as_i64().unwrap());
            }
        }
        assert_eq!(expected.len(), TEAMS * 10);
        assert_eq!((&here, &there), (&expected, &expected));
        assert_eq!(value::<i64>(t.store.read(), "SELECT count(*) FROM audit_log WHERE seal IS NULL").await, 0);
    }

    async fn who_waits_is_answered_when_something_happens_and_empty_when_nothing_does(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let (elsewhere, stranger) = t.deployed_team(seeded_unit(DA_NANG)).await;
        let other = t.replica().await;
        let since = now(&leader).await;
        let started = Instant::now();
        let page = leader.get(&format!("/v1/changes?wait=1&since={since}")).await.ok(200);
        assert_eq!((&page["data"], &page["has_more"]), (&json!([]), &json!(false)));
        assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
        let path = format!("/v1/changes?wait=20&since={}", page["next_cursor"].as_str().unwrap());
        let wait = leader.get(&path);
        let write = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            // What is none of theirs wakes nobody for good.
            t.activity(&stranger, &elsewhere).await;
            tokio::time::sleep(Duration::from_millis(700)).await;
            t.activity(&other.asked_by(&leader), &team).await
        };
        let started = Instant::now();
        let (answer, activity) = tokio::join!(wait, write);
        let told = answer.ok(200);
        assert_eq!(told["data"].as_array().unwrap().len(), 1);
        assert_eq!(told["data"][0]["id"], activity["id"]);
        assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    }

    async fn who_waits_does_not_hold_up_a_service_that_stops(db: &Blank) {
        let desk = Desk::new(db);
        let mut service = desk.start();
        service.ready().await;
        let wait = async {
            let started = Instant::now();
            let page = service.get("/v1/changes?since=now&wait=30").await;
            (page, started.elapsed())
        };
        let stop = async {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            service.signal("TERM");
        };
        let ((page, waited), ()) = tokio::join!(wait, stop);
        assert_eq!((&page["data"], &page["has_more"]), (&json!([]), &json!(false)));
        assert!(waited >= Duration::from_millis(1_400) && waited < Duration::from_secs(15), "{waited:?}");
        assert_eq!(service.ended().await.code(), Some(0), "{}", service.said());
    }

    async fn a_reader_seals_what_waits_and_the_seals_hold(t: &T) {
        let (team, leader) = t.deployed_team(seeded_unit(HA_NOI)).await;
        let activity = t.activity(&leader, &team).await;
        let draft = t.draft(&leader, &activity, "2024-07-01", 5).await;
        leader.delete(&format!("/v1/results/{}", id_in(&draft, "id"))).if_match("*").await.ok(204);
        let (told, _) = follow(&t.admin, None, "").await;
        assert!(told.iter().any(|one| one["deleted"] == true));
        let verify = async || {
            t.store
                .snapshot::<_, tinhnguyen_persistence::StoreError>(async |tx| tinhnguyen_persistence::audit::verify(tx).await)
                .await
                .unwrap()
        };
        let sound = verify().await;
        assert_eq!((sound.broken.len(), sound.unsealed), (0, 0));
        // A team that was written over is found too.
        t.sql("UPDATE audit_log SET team_id = NULL WHERE team_id IS NOT NULL").await;
        assert_eq!(verify().await.broken.len(), 1);
        let seals = sound.seals;
        follow(&t.admin, None, "").await;
        follow(&leader, None, "").await;
        assert_eq!(verify().await.seals, seals, "nothing waits, so nothing is written");
        assert_ne!(Uuid::nil(), id_in(&draft, "id"));
    }
}
