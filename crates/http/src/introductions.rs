//! For whom a token speaks, and all that they may do. People are remembered as long as nothing changed about anybody's access:
//! each request asks for the number that triggers advance with each such change (together with how far the figures are), so
//! that a withdrawal works at once, and asks for people's grants only when they aren't known by that number.

use crate::{
    allowed::Actor,
    app::App,
    group::{Group, Work, together},
    problem::{ApiError, ApiResult},
    progress::HowFar,
    tokens::Claims,
};
use actix_web::web::Data;
use moka::sync::Cache;
use std::time::Duration;
use tinhnguyen_domain::access::Rights;
use tinhnguyen_persistence::{
    StoreError,
    access::principals,
    clients, org_units,
    progress::{Heads, Numbers},
    sessions,
};
use uuid::Uuid;

/// How many people are remembered; those least seen go first.
const REMEMBERED: u64 = 20_000;
/// How long at most: the numbers begin again below what they were when an older backup takes the database's place.
const WHILE: Duration = Duration::from_secs(60);
/// The most that are asked for together.
const TOGETHER: usize = 256;

/// Somebody whom the service knows.
#[derive(Clone)]
pub(crate) struct Known {
    /// Who it is.
    pub actor: Actor,
    /// All that they may do.
    pub rights: Rights,
    /// How far everything was when they were asked about.
    pub heads: Option<Heads>,
}

/// A person who is known by a sound token, and the session that it was given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Introduction {
    person: Uuid,
    session: Option<Uuid>,
}

/// People who were introduced.
pub struct Introductions {
    waiting: Group<Introduction>,
    /// With the numbers under which they were asked for: of accesses and, since grants are of units, of trees.
    known: Cache<Introduction, (i64, i64, Known)>,
}

impl Default for Introductions {
    fn default() -> Self {
        Self {
            waiting: Group::new(2, TOGETHER),
            known: Cache::builder().max_capacity(REMEMBERED).time_to_live(WHILE).build(),
        }
    }
}

/// Whom a sound token speaks for, as long as account or client is open and the session stands.
pub(crate) async fn known(app: &Data<App>, claims: &Claims) -> ApiResult<Option<Known>> {
    if claims.client_id.is_some() {
        return client(app, claims).await;
    }
    let one = Introduction { person: claims.sub, session: claims.sid };
    let Numbers { heads, access } = together(app, HowFar).await??;
    if let Some((by_access, by_trees, known)) = app.introductions.known.get(&one)
        && (by_access, by_trees) == (access, heads.trees)
    {
        return Ok(Some(Known { heads: Some(heads), ..known }));
    }
    let Some((actor, rights)) = together(app, one).await?? else { return Ok(None) };
    // What was asked for after the numbers is at least as new as they are.
    let known = Known { actor, rights, heads: Some(heads) };
    app.introductions.known.insert(one, (access, heads.trees, known.clone()));
    Ok(Some(known))
}

/// A registered client, as far as its token goes.
async fn client(app: &App, claims: &Claims) -> ApiResult<Option<Known>> {
    let conn = app.store.read();
    let Some(client) = clients::find_any(conn, claims.sub).await?.filter(|client| !client.disabled) else {
        return Ok(None);
    };
    let Some(unit) = org_units::find(conn, client.org_unit_id).await? else { return Ok(None) };
    let mut scopes = client.scopes;
    if let Some(narrowed) = &claims.scope {
        scopes.retain(|scope| narrowed.split(' ').any(|n| n == scope));
    }
    let actor = Actor { id: client.stamp.id, username: None, full_name: client.name, email: None };
    Ok(Some(Known { actor, rights: Rights::Client { scopes, path: unit.path }, heads: None }))
}

/// Those of requests that come at the same moment are read together.
impl Work for Introduction {
    type Done = ApiResult<Option<(Actor, Rights)>>;

    fn queue(app: &App) -> &Group<Self> {
        &app.introductions.waiting
    }

    async fn run(app: &Data<App>, those: &[Self]) -> Vec<Self::Done> {
        let conn = app.store.read();
        let sessions: Vec<Uuid> = those.iter().filter_map(|one| one.session).collect();
        let people: Vec<Uuid> = those.iter().map(|one| one.person).collect();
        let read = async {
            Ok::<_, StoreError>((sessions::standing(conn, &sessions).await?, principals(conn, &people).await?))
        };
        let (standing, known) = match read.await {
            Ok(read) => read,
            Err(err) => {
                let err = ApiError::from(err);
                return those.iter().map(|_| Err(err.clone())).collect();
            }
        };
        let of = |one: &Self| {
            let stands = one.session.is_none_or(|session| standing.contains(&session));
            let known = known.get(&one.person).filter(|(user, _)| stands && !user.disabled);
            Ok(known.cloned().map(|(user, grants)| (user.into(), Rights::Person(grants))))
        };
        those.iter().map(of).collect()
    }
}
