//! Role × operation × place, built from the contract's own list of operations: one that has no case here fails.
//!
//! Everybody holds their role over one ward. Every operation is tried on that ward, on the province above it, on the
//! ward beside it and on a ward of another province; writes are rehearsed, so that each cell starts from the same
//! state.

use crate::{
    harness::{
        Answer, Caller, T,
        world::{DA_NANG, HA_NOI, seeded_unit},
    },
    requests::{
        Case,
        Expected::{self, Accepted, Listed, Status},
        Site, case,
    },
};
use actix_web::http::Method;
use tinhnguyen_domain::access::{Permission, Role};
use tinhnguyen_http::contract::Operation;

async fn try_it(caller: &Caller, operation: &Operation, case: &Case) -> Answer {
    let method: Method = operation.method.parse().unwrap();
    let write = method != Method::GET && operation.permission.is_some();
    let path = if write { format!("{}?dry_run=true", case.path) } else { case.path.clone() };
    let mut request = caller.send(method, &path);
    if write {
        request = request.if_match("*");
    }
    if let Some(body) = &case.body {
        request = request.json(body);
    }
    request.await
}

/// What a place's index means, for the words of a failure.
const PLACES: [&str; 4] = ["own ward", "province above", "ward beside", "elsewhere"];

struct World {
    sites: [Site; 4],
    /// Who asks: a name, the roles that they hold over the ward, and whether only over one team of it.
    callers: Vec<(String, Role, bool, Caller)>,
}

impl World {
    async fn new(t: &T) -> Self {
        let own = t.commune(seeded_unit(HA_NOI), "XD-OWN").await;
        let beside = t.commune(seeded_unit(HA_NOI), "XD-BESIDE").await;
        let elsewhere = t.commune(seeded_unit(DA_NANG), "XD-ELSEWHERE").await;
        let candidate = t.user(Role::Viewer, own).await.user_id;
        let sites = [
            Site::at(t, own, candidate).await,
            Site::at(t, seeded_unit(HA_NOI), candidate).await,
            Site::at(t, beside, candidate).await,
            Site::at(t, elsewhere, candidate).await,
        ];
        let mut callers = Vec::new();
        for role in Role::ALL {
            callers.push((role.to_string(), *role, false, t.user(*role, own).await));
        }
        let leader = t.nobody().await;
        t.grant(&leader, Role::TeamLeader, own, Some(sites[0].deployed)).await;
        callers.push(("team_leader of one team".to_owned(), Role::TeamLeader, true, leader));
        Self { sites, callers }
    }
}

/// What is to come where the role holds the permission over the ward. A leader of one team has no unit, so the
/// progress of a whole unit is not theirs.
fn allowed(operation: &Operation, expected: Expected, of_one_team: bool) -> Expected {
    let of_a_whole_unit = operation.permission == Some(Permission::ProgressRead) || operation.id == "get_completeness";
    match operation.id.as_str() {
        _ if !of_one_team => expected,
        _ if of_a_whole_unit => Status([403, 403, 404, 404]),
        // What was done to a unit is told to who reaches it.
        "list_org_unit_reorganisations" => Listed([0; 4]),
        "get_org_unit_reorganisation" => Status([404; 4]),
        _ => expected,
    }
}

both! {
    async fn each_role_may_do_what_its_row_says_where_it_says_and_nothing_else(t: &T) {
        let world = World::new(t).await;
        let mut wrong = Vec::new();
        let mut cells = 0;
        for operation in t.app.contract.operations() {
            for (name, role, of_one_team, caller) in &world.callers {
                for (index, site) in world.sites.iter().enumerate() {
                    let Some(case) = case(&operation.id, site) else {
                        panic!("`{}` has no case in the matrix", operation.id)
                    };
                    let holds = operation.permission.is_none_or(|permission| role.allows(permission));
                    let expected =
                        if holds { allowed(&operation, case.expected, *of_one_team) } else { Status([403; 4]) };
                    let answer = try_it(caller, &operation, &case).await;
                    cells += 1;
                    let right = match expected {
                        Status(statuses) => answer.status == statuses[index],
                        Accepted(counts) => answer.status == 200 && answer.json()["accepted"] == counts[index],
                        Listed(counts) => {
                            answer.status == 200 && answer.json()["data"].as_array().unwrap().len() == counts[index]
                        }
                    };
                    if !right {
                        wrong.push(format!(
                            "{} by {name}, {}: {} {}",
                            operation.id,
                            PLACES[index],
                            answer.status,
                            answer.text()
                        ));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
        assert!(cells > 1000, "only {cells} cells");
    }

    async fn whoever_has_no_token_or_no_role_may_do_nothing_that_wants_one(t: &T) {
        let own = t.commune(seeded_unit(HA_NOI), "XD-OWN").await;
        let site = Site::at(t, own, t.admin.user_id).await;
        let nobody = t.nobody().await;
        for operation in t.app.contract.operations() {
            let case = case(&operation.id, &site).unwrap();
            let by_stranger = try_it(&t.stranger, &operation, &case).await;
            let by_nobody = try_it(&nobody, &operation, &case).await;
            match operation.permission {
                None => assert_eq!(by_stranger.status, by_nobody.status, "{}", operation.id),
                Some(Permission::SelfRead | Permission::SelfWrite) => {
                    by_stranger.problem(401, "unauthenticated");
                    let Status(expected) = case.expected else { panic!("{}", operation.id) };
                    assert_eq!(by_nobody.status, expected[0], "{}: {}", operation.id, by_nobody.text());
                }
                Some(_) => {
                    by_stranger.problem(401, "unauthenticated");
                    by_nobody.problem(403, "forbidden");
                }
            }
        }
    }
}
