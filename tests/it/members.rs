//! Members of teams: nobody in two teams on one day, one leader at a time, and no team at work without anybody.

use crate::harness::{
    T, id_in,
    world::{DA_NANG, HA_NOI, new_member, seeded_unit},
};
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

fn members(team: &Value) -> String {
    format!("/v1/teams/{}/members", id_in(team, "id"))
}

fn times(volunteer: Uuid, joined_on: &str, left_on: Option<&str>) -> Value {
    json!({"volunteer_id": volunteer, "role": "member", "joined_on": joined_on, "left_on": left_on})
}

both! {
    async fn a_member_joins_changes_their_part_and_leaves(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let person = t.volunteer(seeded_unit(HA_NOI), "Lê Thị Cúc").await;
        let answer = t.admin.post(&members(&team), &new_member(person, "member")).await;
        let member = answer.ok(201);
        let path = format!("{}/{}", members(&team), answer.id());
        assert_eq!(answer.header("location"), Some(path.as_str()));
        assert_eq!((&member["left_on"], &member["allowed_actions"]), (&Value::Null, &json!(["edit"])));
        assert_eq!(t.admin.get(&path).await.ok(200), member);
        let patch = json!({"role": "deputy", "joined_on": "2024-06-10", "left_on": "2024-07-01"});
        let changed = t.admin.patch(&path, &patch).if_match("\"1\"").await.ok(200);
        for (field, value) in patch.as_object().unwrap() {
            assert_eq!(&changed[field], value, "{field}");
        }
        t.admin.patch(&path, &patch).if_match("\"1\"").await.problem(412, "stale_version");
        let actions: Vec<String> =
            crate::harness::values(t.store.read(), "SELECT action FROM audit_log WHERE resource = 'team_member' ORDER BY action").await;
        assert_eq!(actions, ["create_team_member", "patch_team_member"]);
        // Another team's path leads to no member.
        let other = t.team(seeded_unit(HA_NOI)).await;
        t.admin.get(&format!("{}/{}", members(&other), answer.id())).await.problem(404, "not_found");
        for (filter, count) in [("", 1), ("?role=deputy", 1), ("?role=leader", 0), ("?active_on=2024-07-01", 1), ("?active_on=2024-07-02", 0)] {
            let page = t.admin.get(&format!("{}{filter}", members(&team))).await.ok(200);
            assert_eq!(page["data"].as_array().unwrap().len(), count, "{filter}");
        }
        assert_eq!(t.admin.get(&format!("{}?volunteer_id={person}", members(&team))).await.ok(200)["data"], json!([changed]));
    }

    async fn faults_of_a_membership_are_told(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let person = t.volunteer(seeded_unit(HA_NOI), "Lê Thị Cúc").await;
        t.admin.post(&members(&team), &times(person, "2024-06-10", Some("2024-06-09"))).await.faults(422, &[("/left_on", "dates_inverted")]);
        t.admin.post(&members(&team), &times(person, "2024-09-01", None)).await.faults(422, &[("/joined_on", "out_of_range")]);
        t.admin.post(&members(&team), &times(Uuid::now_v7(), "2024-06-10", None)).await.faults(422, &[("/volunteer_id", "reference_not_found")]);
        t.admin.post(&members(&team), &json!({"volunteer_id": person, "role": "chief", "joined_on": "x", "team_id": person})).await
            .faults(422, &[("/role", "not_allowed_value"), ("/joined_on", "bad_format"), ("/team_id", "unknown_field")]);
        t.admin.patch(&format!("/v1/volunteers/{person}"), &json!({"archived": true})).if_match("*").await.ok(200);
        t.admin.post(&members(&team), &new_member(person, "member")).await.faults(422, &[("/volunteer_id", "reference_not_found")]);
        t.admin.act(&format!("/v1/teams/{}/cancel", id_in(&team, "id"))).await.ok(200);
        let free = t.volunteer(seeded_unit(HA_NOI), "Phạm Văn Dũng").await;
        t.admin.post(&members(&team), &new_member(free, "member")).await.problem(409, "wrong_state");
    }

    async fn nobody_is_in_two_teams_on_one_day(t: &T) {
        let (one, two) = (t.team(seeded_unit(HA_NOI)).await, t.team(seeded_unit(DA_NANG)).await);
        let person = t.volunteer(seeded_unit(HA_NOI), "Lê Thị Cúc").await;
        let first = t.admin.post(&members(&one), &times(person, "2024-06-10", Some("2024-06-20"))).await.ok(201);
        let refused = t.admin.post(&members(&two), &times(person, "2024-06-20", None)).await.problem(409, "member_elsewhere");
        assert_eq!(refused["existing"], format!("{}/{}", members(&one), id_in(&first, "id")));
        t.admin.post(&members(&two), &times(person, "2024-06-01", Some("2024-06-10"))).await.problem(409, "member_elsewhere");
        t.admin.post(&members(&one), &times(person, "2024-06-15", Some("2024-06-15"))).await.problem(409, "member_elsewhere");
        t.admin.post(&members(&two), &times(person, "2024-06-01", Some("2024-06-09"))).await.ok(201);
        let open = t.admin.post(&members(&two), &times(person, "2024-06-21", None)).await.ok(201);
        // Stretched over its neighbour, from either side.
        let path = format!("{}/{}", members(&one), id_in(&first, "id"));
        for patch in [json!({"left_on": null}), json!({"left_on": "2024-06-21"}), json!({"joined_on": "2024-06-09"})] {
            t.admin.patch(&path, &patch).if_match("*").await.problem(409, "member_elsewhere");
        }
        // Whoever doesn't see the other team is not told which it is.
        let local = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        let refused = local.post(&members(&one), &times(person, "2024-06-25", None)).await.problem(409, "member_elsewhere");
        assert_eq!(refused.get("existing"), None);
        // An open membership lasts as long as its team: a longer team meets what comes after it.
        t.admin.patch(&format!("/v1/teams/{}", id_in(&two, "id")), &json!({"ends_on": "2024-06-30"})).if_match("*").await.ok(200);
        t.admin.post(&members(&one), &times(person, "2024-07-01", None)).await.ok(201);
        t.admin.patch(&format!("/v1/teams/{}", id_in(&two, "id")), &json!({"ends_on": "2024-07-01"})).if_match("*").await
            .problem(409, "member_elsewhere");
        let path = format!("{}/{}", members(&two), id_in(&open, "id"));
        t.admin.patch(&path, &json!({"left_on": "2024-06-22"})).if_match("*").await.ok(200);
        t.admin.patch(&format!("/v1/teams/{}", id_in(&two, "id")), &json!({"ends_on": "2024-07-01"})).if_match("*").await.ok(200);
    }

    async fn a_team_that_ended_lets_its_members_go(t: &T) {
        let (one, two) = (t.team(seeded_unit(HA_NOI)).await, t.team(seeded_unit(HA_NOI)).await);
        let person = t.volunteer(seeded_unit(HA_NOI), "Lê Thị Cúc").await;
        let member = t.member(&one, person, "leader").await;
        let later = t.volunteer(seeded_unit(HA_NOI), "Phạm Văn Dũng").await;
        let never = t.admin.post(&members(&one), &times(later, "2024-08-01", None)).await.ok(201);
        t.admin.act(&format!("/v1/teams/{}/cancel", id_in(&one, "id"))).await.ok(200);
        let read = async |member: &Value| t.admin.get(&format!("{}/{}", members(&one), id_in(member, "id"))).await.ok(200);
        let ended = read(&member).await;
        assert_eq!((&ended["left_on"], &ended["version"], &ended["allowed_actions"]), (&json!("2024-07-15"), &json!(2), &json!([])));
        assert_eq!(read(&never).await["left_on"], "2024-08-01");
        t.admin.post(&members(&two), &times(person, "2024-07-16", None)).await.ok(201);
    }

    async fn a_team_has_one_leader_at_a_time(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let (one, two) = (t.volunteer(seeded_unit(HA_NOI), "Lê Thị Cúc").await, t.volunteer(seeded_unit(HA_NOI), "Phạm Văn Dũng").await);
        let first = t.member(&team, one, "leader").await;
        let refused = t.admin.post(&members(&team), &new_member(two, "leader")).await.problem(409, "leader_exists");
        let path = format!("{}/{}", members(&team), id_in(&first, "id"));
        assert_eq!(refused["existing"], path);
        let second = t.member(&team, two, "deputy").await;
        let other = format!("{}/{}", members(&team), id_in(&second, "id"));
        t.admin.patch(&other, &json!({"role": "leader"})).if_match("*").await.problem(409, "leader_exists");
        t.admin.patch(&path, &json!({"left_on": "2024-07-14"})).if_match("*").await.ok(200);
        t.admin.patch(&other, &json!({"role": "leader"})).if_match("*").await.problem(409, "leader_exists");
        t.admin.patch(&other, &json!({"role": "leader", "joined_on": "2024-07-15"})).if_match("*").await.ok(200);
    }

    async fn a_leader_among_the_members_makes_a_team_ready_and_its_last_member_stays(t: &T) {
        let team = t.team(seeded_unit(HA_NOI)).await;
        let ready = format!("/v1/teams/{}/ready", id_in(&team, "id"));
        let person = t.volunteer(seeded_unit(HA_NOI), "Lê Thị Cúc").await;
        let member = t.member(&team, person, "deputy").await;
        t.admin.act(&ready).await.problem(409, "team_not_ready");
        let path = format!("{}/{}", members(&team), id_in(&member, "id"));
        t.admin.patch(&path, &json!({"role": "leader", "left_on": "2024-07-14"})).if_match("*").await.ok(200);
        // Somebody may report for it, and nobody is left in it.
        let leader = t.leader(&team).await;
        let refused = t.admin.act(&ready).await.problem(409, "team_not_ready");
        assert!(refused["errors"][0]["message"].as_str().unwrap().contains("đội viên"), "{refused}");
        t.admin.patch(&path, &json!({"left_on": null})).if_match("*").await.ok(200);
        t.admin.act(&ready).await.ok(200);
        t.admin.patch(&path, &json!({"left_on": "2024-07-14"})).if_match("*").await.problem(409, "last_member");
        // Their leaving is told in advance, or somebody else is there.
        t.admin.patch(&path, &json!({"left_on": "2024-07-31"})).if_match("*").await.ok(200);
        let other = t.volunteer(seeded_unit(HA_NOI), "Phạm Văn Dũng").await;
        leader.post(&members(&team), &new_member(other, "member")).await.ok(201);
        leader.patch(&path, &json!({"left_on": "2024-07-14"})).if_match("*").await.ok(200);
        // The right to be forgotten asks for nobody's readiness.
        t.admin.act(&format!("/v1/volunteers/{other}/withdraw")).await.ok(200);
    }

    async fn candidates_are_the_free_ones_of_the_teams_subtree_teachers_first(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-1").await;
        let (team, above) = (t.team(ward).await, t.team(seeded_unit(HA_NOI)).await);
        let path = format!("/v1/teams/{}/candidates", id_in(&team, "id"));
        let mut made = Vec::new();
        for (name, patch) in [
            ("Một", json!({"can_teach": false})),
            ("Hai", json!({"skills": []})),
            ("Ba", json!({"archived": true})),
            ("Bốn", json!({})),
            ("Năm", json!({})),
        ] {
            let id = t.volunteer(ward, name).await;
            t.admin.patch(&format!("/v1/volunteers/{id}"), &patch).if_match("*").await.ok(200);
            made.push(id);
        }
        let outside = t.volunteer(seeded_unit(HA_NOI), "Sáu").await;
        t.member(&above, made[3], "member").await;
        t.admin.act(&format!("/v1/volunteers/{}/withdraw", made[4])).await.ok(200);
        let names = async |by: &crate::harness::Caller, query: &str| -> Vec<Uuid> {
            let page = by.get(&format!("{path}{query}")).await.ok(200);
            let rows = page["data"].as_array().unwrap();
            assert!(rows.iter().all(|row| row["masked"] == true && row["phone"] == Value::Null));
            rows.iter().map(|row| id_in(row, "id")).collect()
        };
        assert_eq!(names(&t.admin, "").await, [made[1], made[0]]);
        assert_eq!(names(&t.admin, "?limit=1").await, [made[1]]);
        assert_eq!(names(&t.admin, "?topic=cyber_safety").await, [made[0]]);
        t.admin.get(&format!("{path}?limit=0")).await.problem(400, "invalid_parameter");
        // A leader finds their people there, and takes none from elsewhere.
        let leader = t.leader(&team).await;
        assert_eq!(names(&leader, "").await, [made[1], made[0]]);
        leader.post(&members(&team), &new_member(made[0], "member")).await.ok(201);
        leader.post(&members(&team), &new_member(outside, "member")).await.faults(422, &[("/volunteer_id", "reference_not_found")]);
        leader.post(&members(&above), &new_member(made[1], "member")).await.problem(404, "not_found");
        let aside = t.user(Role::Coordinator, seeded_unit(DA_NANG)).await;
        aside.get(&path).await.problem(404, "not_found");
        aside.get(&members(&team)).await.problem(404, "not_found");
    }

    async fn of_many_who_want_one_volunteer_at_once_one_gets_them(t: &T) {
        for round in 0..5 {
            let person = t.volunteer(seeded_unit(HA_NOI), &format!("Người {round}")).await;
            let mut teams = Vec::new();
            for _ in 0..8 {
                teams.push(t.team(seeded_unit(HA_NOI)).await);
            }
            let (paths, body) = (teams.iter().map(members).collect::<Vec<_>>(), new_member(person, "member"));
            let answers = futures_util::future::join_all(paths.iter().map(|path| async { t.admin.post(path, &body).await })).await;
            let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409], "round {round}");
        }
    }

    async fn of_many_who_would_lead_at_once_one_does(t: &T) {
        for round in 0..5 {
            let team = t.team(seeded_unit(HA_NOI)).await;
            let mut bodies = Vec::new();
            for n in 0..8 {
                bodies.push(new_member(t.volunteer(seeded_unit(HA_NOI), &format!("Người {n}")).await, "leader"));
            }
            let path = members(&team);
            let answers = futures_util::future::join_all(bodies.iter().map(|body| async { t.admin.post(&path, body).await })).await;
            assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "round {round}");
            for refused in answers.iter().filter(|answer| answer.status != 201) {
                refused.problem(409, "leader_exists");
            }
        }
    }

    async fn of_a_last_member_who_leaves_and_a_team_that_gets_ready_at_once_one_wins(t: &T) {
        let mut won = [0, 0];
        for round in 0..10 {
            let team = t.team(seeded_unit(HA_NOI)).await;
            t.leader(&team).await;
            let person = t.volunteer(seeded_unit(HA_NOI), &format!("Người {round}")).await;
            let member = t.member(&team, person, "leader").await;
            let ready = format!("/v1/teams/{}/ready", id_in(&team, "id"));
            let path = format!("{}/{}", members(&team), id_in(&member, "id"));
            let leave = async || t.admin.patch(&path, &json!({"left_on": "2024-07-14"})).if_match("\"1\"").await;
            let (left, made_ready) = if round % 2 == 0 {
                futures_util::future::join(leave(), async { t.admin.act(&ready).await }).await
            } else {
                let (made_ready, left) = futures_util::future::join(async { t.admin.act(&ready).await }, leave()).await;
                (left, made_ready)
            };
            match (left.status, made_ready.status) {
                (200, 409) => { won[0] += 1; made_ready.problem(409, "team_not_ready"); }
                (409, 200) => { won[1] += 1; left.problem(409, "last_member"); }
                other => panic!("round {round}: {other:?}"),
            }
        }
        assert_eq!(won[0] + won[1], 10);
    }
}
