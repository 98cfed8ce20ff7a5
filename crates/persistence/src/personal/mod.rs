//! The one home of personal data at rest.
//!
//! A value is encrypted under a data key for one place, its owner and field, so that a ciphertext which is moved to
//! another row doesn't open. Data keys stand in the database, wrapped by a master key that stands in a file. Where
//! equality is asked for, a keyed hash stands beside the ciphertext. Values come out by [`Vault::read`], which writes
//! each reading into the audit log in the same transaction: what can't be audited isn't read.

mod keys;
mod rotate;

pub use keys::{KeyFileError, KeyRing, MasterKey};
pub use rotate::{Begun, begin, finish, recrypt, waiting};

use crate::{
    StoreError, StoreResult, Tx,
    audit::{self, Change},
    entities::{personal_data as t, personal_key as k},
    org_units::advance,
    rows::At,
    store::Store,
};
use chrono::{DateTime, Utc};
use keys::DataKey;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use std::{
    collections::HashMap,
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tinhnguyen_domain::personal::{Personal, PersonalField, email_key, phone_key};
use uuid::Uuid;

/// The counter whose row is locked while data keys are made, so that replicas take turns.
const LOCK: &str = "personal_key";
/// The data key that only keys the hashes of requests; it is never replaced, only wrapped anew.
const REQUESTS: i64 = 0;
/// What the audit log calls a reading's object.
pub const RESOURCE: &str = "personal_data";

/// Who reads personal data, in which request.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor_id: Uuid,
    /// By which operation.
    pub action: &'a str,
    /// In which request.
    pub request_id: &'a str,
    /// From which address; none for what the command line or the service itself does.
    pub address: Option<IpAddr>,
}

/// Whose personal data are read, and at which unit that person is.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// The person's id.
    pub id: Uuid,
    /// Their unit, for whoever reads the audit log there.
    pub org_unit_id: Uuid,
}

/// The values of one person.
pub type Values = HashMap<PersonalField, Personal<String>>;

/// Seals and opens personal data. Clones share their keys.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    ring: Mutex<KeyRing>,
    /// Read again when a data key was wrapped by a master key that is not known yet: another replica may have rotated.
    file: Option<PathBuf>,
    /// Data keys by their wrapped form, so that a database that was exchanged under us can't be met with old keys.
    opened: Mutex<HashMap<Vec<u8>, Arc<DataKey>>>,
}

fn place(owner: Uuid, field: PersonalField, generation: i64) -> Vec<u8> {
    let mut place = b"tinhnguyen/personal/v1/".to_vec();
    place.extend_from_slice(owner.as_bytes());
    place.extend_from_slice(&generation.to_be_bytes());
    place.extend_from_slice(field.as_str().as_bytes());
    place
}

/// The form in which a value is compared; none for fields that nothing is asked by.
fn comparable(field: PersonalField, value: &str) -> Option<String> {
    match field {
        PersonalField::Phone => Some(phone_key(value)),
        PersonalField::Email => Some(email_key(value)),
        PersonalField::BirthDate | PersonalField::Guardian | PersonalField::LeadContact => None,
    }
}

impl Vault {
    /// A vault with these master keys.
    #[must_use]
    pub fn new(ring: KeyRing) -> Self {
        Self(Arc::new(Inner { ring: Mutex::new(ring), file: None, opened: Mutex::default() }))
    }

    /// A vault with the master keys of a file.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn of_file(path: PathBuf) -> Result<Self, KeyFileError> {
        let ring = KeyRing::read(&path)?;
        Ok(Self(Arc::new(Inner { ring: Mutex::new(ring), file: Some(path), opened: Mutex::default() })))
    }

    fn ring(&self) -> KeyRing {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The master key with this id, for which the file is read again when it is not known.
    fn master(&self, id: &str) -> StoreResult<MasterKey> {
        if let Some(key) = self.ring().find(id) {
            return Ok(key.clone());
        }
        if let Some(path) = &self.0.file {
            let ring = KeyRing::read(path).map_err(|e| StoreError::Sealed(e.to_string()))?;
            let found = ring.find(id).cloned();
            *self.0.ring.lock().unwrap_or_else(PoisonError::into_inner) = ring;
            if let Some(key) = found {
                return Ok(key);
            }
        }
        Err(StoreError::Sealed(format!(
            "the database holds personal data under the key {id}, and the file of keys has {} only",
            self.ring().first().id()
        )))
    }

    /// The data key of a row.
    fn unwrap(&self, row: &k::Model) -> StoreResult<Arc<DataKey>> {
        let opened = || self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = opened().get(&row.wrapped) {
            return Ok(key.clone());
        }
        let key = Arc::new(self.master(&row.wrapped_by)?.unwrap(row.generation, &row.wrapped)?);
        opened().insert(row.wrapped.clone(), key.clone());
        Ok(key)
    }

    /// Holds that every data key of the database can be opened, and makes the first ones where there are none. Of two
    /// replicas that start at once, one makes them.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] with the id of a master key that is missing.
    pub async fn ensure(&self, store: &Store, at: DateTime<Utc>) -> StoreResult<()> {
        let rows = all_keys(store.read()).await?;
        if rows.is_empty() {
            store
                .write::<_, StoreError>(async |tx| {
                    advance(tx, LOCK, 0).await?;
                    if all_keys(tx).await?.is_empty() {
                        self.make_key(tx, REQUESTS, at).await?;
                        self.make_key(tx, REQUESTS + 1, at).await?;
                    }
                    Ok(())
                })
                .await?;
        }
        for row in all_keys(store.read()).await? {
            self.unwrap(&row)?;
        }
        Ok(())
    }

    /// Makes the data key of a generation under the first master key. It is not remembered before it is committed.
    async fn make_key(&self, tx: &Tx, generation: i64, at: DateTime<Utc>) -> StoreResult<()> {
        let ring = self.ring();
        let row = k::ActiveModel {
            generation: Set(generation),
            wrapped_by: Set(ring.first().id().to_owned()),
            wrapped: Set(ring.first().wrap(generation, &DataKey::generate()?)?),
            created_at: Set(at),
        };
        k::Entity::insert(row).exec_without_returning(tx).await?;
        Ok(())
    }

    /// The data key that new values are sealed with, and its generation.
    async fn present(&self, conn: &impl ConnectionTrait) -> StoreResult<(i64, Arc<DataKey>)> {
        let newest = k::Entity::find().order_by_desc(k::Column::Generation).one(conn).await?;
        let row = newest.filter(|row| row.generation > REQUESTS);
        let row = row.ok_or_else(|| StoreError::Sealed("there is no data key yet".to_owned()))?;
        Ok((row.generation, self.unwrap(&row)?))
    }

    fn sealed(
        owner: Uuid,
        field: PersonalField,
        value: &str,
        (generation, key): &(i64, Arc<DataKey>),
    ) -> StoreResult<t::ActiveModel> {
        let blind = comparable(field, value).map(|form| key.hash(field.as_str(), form.as_bytes()));
        Ok(t::ActiveModel {
            owner_id: Set(owner),
            field: Set(field.as_str().to_owned()),
            generation: Set(*generation),
            sealed: Set(key.seal(&place(owner, field, *generation), value.as_bytes())?),
            blind: Set(blind),
        })
    }

    /// Keeps values of a person; those that are none are forgotten.
    ///
    /// # Errors
    /// [`StoreError::Sealed`], or when the database refuses.
    pub async fn keep(
        &self,
        tx: &Tx,
        owner: Uuid,
        values: &[(PersonalField, Option<Personal<String>>)],
    ) -> StoreResult<()> {
        let key = self.present(tx).await?;
        for (field, value) in values {
            let Some(value) = value else {
                let gone = t::Entity::delete_many()
                    .filter(t::Column::OwnerId.eq(owner))
                    .filter(t::Column::Field.eq(field.as_str()));
                gone.exec(tx).await?;
                continue;
            };
            let row = Self::sealed(owner, *field, value.reveal(), &key)?;
            let replaced = OnConflict::columns([t::Column::OwnerId, t::Column::Field])
                .update_columns([t::Column::Generation, t::Column::Sealed, t::Column::Blind])
                .to_owned();
            let kept = t::Entity::insert(row).on_conflict(replaced).exec_without_returning(tx).await;
            kept.map_err(|err| match err.into() {
                // The data key was replaced and removed meanwhile: the next attempt takes the new one.
                StoreError::ForeignKey(what) => StoreError::Contention(what),
                err => err,
            })?;
        }
        Ok(())
    }

    /// Forgets all values of a person; gives how many there were.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn forget(tx: &Tx, owner: Uuid) -> StoreResult<u64> {
        Ok(t::Entity::delete_many().filter(t::Column::OwnerId.eq(owner)).exec(tx).await?.rows_affected)
    }

    /// Reads the values of persons, and writes into the audit log that they were read.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] when a value doesn't open, or when the database refuses.
    pub async fn read(&self, tx: &Tx, reading: &Reading<'_>, owners: &[Owner]) -> StoreResult<HashMap<Uuid, Values>> {
        let readings: Vec<Change<'_>> = owners
            .iter()
            .map(|owner| Change {
                at: reading.at,
                actor_id: reading.actor_id,
                action: reading.action,
                resource: RESOURCE,
                resource_id: owner.id,
                request_id: reading.request_id,
                org_unit_id: Some(owner.org_unit_id),
                address: reading.address,
            })
            .collect();
        audit::record_many(tx, &readings).await?;
        let ids: Vec<Uuid> = owners.iter().map(|owner| owner.id).collect();
        self.open(tx, &ids).await
    }

    /// Opens values for a decision of ours that tells nobody what they are.
    pub(crate) async fn open(
        &self,
        conn: &impl ConnectionTrait,
        owners: &[Uuid],
    ) -> StoreResult<HashMap<Uuid, Values>> {
        let rows = t::Entity::find().filter(t::Column::OwnerId.is_in(owners.iter().copied())).all(conn).await?;
        let mut all: HashMap<Uuid, Values> = HashMap::new();
        if rows.is_empty() {
            return Ok(all);
        }
        let keys = self.by_generation(conn).await?;
        for row in rows {
            let field = At("personal_data", "field", row.owner_id).word(&row.field)?;
            let value = Personal::new(opened(&keys, &row, field)?);
            all.entry(row.owner_id).or_default().insert(field, value);
        }
        Ok(all)
    }

    async fn by_generation(&self, conn: &impl ConnectionTrait) -> StoreResult<HashMap<i64, Arc<DataKey>>> {
        let rows = all_keys(conn).await?;
        rows.iter().map(|row| Ok((row.generation, self.unwrap(row)?))).collect()
    }

    /// Who has this value in a field, the same however it is written.
    ///
    /// # Errors
    /// [`StoreError::Sealed`], or when the database can't be asked.
    pub async fn owners_of(
        &self,
        conn: &impl ConnectionTrait,
        field: PersonalField,
        value: &Personal<String>,
    ) -> StoreResult<Vec<Uuid>> {
        let Some(form) = comparable(field, value.reveal()) else { return Ok(vec![]) };
        let keys = self.by_generation(conn).await?;
        let hashes: Vec<Vec<u8>> = keys.values().map(|key| key.hash(field.as_str(), form.as_bytes())).collect();
        let rows = t::Entity::find()
            .select_only()
            .column(t::Column::OwnerId)
            .filter(t::Column::Field.eq(field.as_str()))
            .filter(t::Column::Blind.is_in(hashes));
        Ok(rows.into_tuple().all(conn).await?)
    }

    /// A hash of a request that told personal data, keyed so that nobody guesses them by what is stored of the request.
    ///
    /// # Errors
    /// [`StoreError::Sealed`], or when the database can't be asked.
    pub async fn veil(&self, conn: &impl ConnectionTrait, body_hash: &[u8]) -> StoreResult<Vec<u8>> {
        let row = k::Entity::find_by_id(REQUESTS).one(conn).await?;
        let row = row.ok_or_else(|| StoreError::Sealed("there is no data key yet".to_owned()))?;
        Ok(self.unwrap(&row)?.hash("request", body_hash))
    }
}

/// Whether the database has data keys, so that a new master key would be of no use.
///
/// # Errors
/// When the database can't be asked.
pub async fn wrapped_by(conn: &impl ConnectionTrait) -> StoreResult<Option<String>> {
    Ok(all_keys(conn).await?.into_iter().next_back().map(|row| row.wrapped_by))
}

async fn all_keys(conn: &impl ConnectionTrait) -> StoreResult<Vec<k::Model>> {
    Ok(k::Entity::find().order_by_asc(k::Column::Generation).all(conn).await?)
}

fn opened(keys: &HashMap<i64, Arc<DataKey>>, row: &t::Model, field: PersonalField) -> StoreResult<String> {
    let no = |why: &str| StoreError::Sealed(format!("{} of {} {why}", row.field, row.owner_id));
    let key = keys.get(&row.generation).ok_or_else(|| no("is under a data key that is not there"))?;
    let bytes = key.open(&place(row.owner_id, field, row.generation), &row.sealed);
    let bytes = bytes.ok_or_else(|| no("doesn't open: it was moved there or changed"))?;
    String::from_utf8(bytes).map_err(|_| no("is no text"))
}
