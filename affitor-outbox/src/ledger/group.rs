//! Groups of payments: finding, locking and joining them.
//!
//! Locks are taken in this order: rows of the app, then the groups of subscriptions and customers, then the group of the
//! payments; groups by their ids. So two recordings never wait for each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use affitor_payments::ledger::{Facts, Object, Source};
use riverqueue::sqlx;

use super::rows::{GroupRow, IdRow, list, parse};
use crate::{Database, Error, database::Store};

const DAY: i64 = 24 * 60 * 60;

/// How often a group is looked up anew because another transaction has changed it.
const ATTEMPTS: usize = 10;

/// A locked group with everything that is known about it.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: i64,
    pub(super) facts: Facts,
    /// Whether it is to be decided again.
    pub(super) is_due: bool,
    /// When something was learned about it for the last time, in seconds of Unix time.
    updated_at: i64,
    /// Whether it was created by this transaction, so that nothing else belongs to it.
    pub(super) is_new: bool,
}

/// One transaction of the ledger in one scope.
pub(super) struct Ledger<'t, 'c, DB: Database> {
    pub(super) store: &'t Store<DB>,
    pub(super) tx: &'t mut sqlx::Transaction<'c, DB>,
    pub(super) scope: &'t str,
    /// Current time in seconds of Unix time.
    pub(super) now: i64,
}

impl<DB: Database> Ledger<'_, '_, DB> {
    /// Locks the group of these ids, joining or creating groups so that it is one.
    pub(super) async fn lock(&mut self, ids: &BTreeSet<&str>) -> Result<Group, Error> {
        for _ in 0..ATTEMPTS {
            let known = self.groups_of(ids).await?;
            let groups: BTreeSet<i64> = known.values().copied().collect();
            let rows = self.lock_rows(&groups).await?;
            // Another transaction may have joined groups, or added an id, before the rows were locked.
            if rows.len() < groups.len() || !groups.is_empty() && self.groups_of(ids).await? != known {
                continue;
            }
            let target = match groups.first() {
                Some(id) => *id,
                None => self.new_group().await?,
            };
            let missing: Vec<&str> = ids.iter().filter(|id| !known.contains_key(**id)).copied().collect();
            if !missing.is_empty() && self.add_ids(&missing, target).await? < missing.len() as u64 {
                continue;
            }
            let mut facts = Facts::default();
            for row in &rows {
                facts.merge(row.facts()?);
            }
            self.join(&groups, target).await?;
            return Ok(Group {
                id: target,
                facts,
                is_due: rows.iter().any(|row| row.is_due),
                is_new: groups.is_empty(),
                updated_at: rows.iter().map(|row| row.updated_at).max().unwrap_or_default(),
            });
        }
        Err(Error::contention())
    }

    /// Locks the groups of subscriptions and customers, adds what is new about them, and returns them. Also returns the ids of
    /// those that now name a customer.
    pub(super) async fn sources(
        &mut self,
        ids: &BTreeSet<&str>,
        new: &BTreeMap<String, Source>,
    ) -> Result<(BTreeMap<String, Source>, Vec<String>), Error> {
        let (mut sources, mut changed) = (BTreeMap::new(), Vec::new());
        for id in ids {
            let group = self.lock(&BTreeSet::from([*id])).await?;
            let mut facts = group.facts.clone();
            if let Some(source) = new.get(*id) {
                facts.add(*id, Object::Source(source.clone()));
            }
            if facts != group.facts {
                self.save(group.id, &facts, None, None).await?;
                changed.push((*id).to_owned());
            } else if self.now > group.updated_at + DAY {
                // It is in use, so it is kept.
                self.save(group.id, &facts, None, None).await?;
            }
            if let Some(Object::Source(source)) = facts.get(id) {
                sources.insert((*id).to_owned(), source.clone());
            }
        }
        Ok((sources, changed))
    }

    /// Returns subscriptions and customers without locking them. Whoever changes one decides the payments that wait for it.
    pub(super) async fn read_sources(&mut self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Source>, Error> {
        let mut sources = BTreeMap::new();
        if ids.is_empty() {
            return Ok(sources);
        }
        for (id, group) in self.groups_of(ids).await? {
            let facts = self.facts_of(group).await?;
            if let Some(Object::Source(source)) = facts.get(&id) {
                sources.insert(id, source.clone());
            }
        }
        Ok(sources)
    }

    /// Returns what is known about a group, without locking it.
    pub(super) async fn facts_of(&mut self, group: i64) -> Result<Facts, Error> {
        let rows = DB::read(self.store, self.tx, &self.store.sql.group, vec![group.into()]).await?;
        parse::<GroupRow>(&rows)?.first().map_or(Ok(Facts::default()), GroupRow::facts)
    }

    async fn groups_of(&mut self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, i64>, Error> {
        let parameters = vec![(&*self.store.queue).into(), self.scope.into(), list(ids).into()];
        let rows = DB::read(self.store, self.tx, &self.store.sql.payment_ids, parameters).await?;
        Ok(parse::<IdRow>(&rows)?.into_iter().map(|row| (row.id, row.group_id)).collect())
    }

    async fn lock_rows(&mut self, groups: &BTreeSet<i64>) -> Result<Vec<GroupRow>, Error> {
        let mut rows = Vec::new();
        for group in groups {
            let sql = &self.store.sql.lock_group;
            rows.extend(parse::<GroupRow>(&DB::read(self.store, self.tx, sql, vec![(*group).into()]).await?)?);
        }
        Ok(rows)
    }

    async fn new_group(&mut self) -> Result<i64, Error> {
        let parameters = vec![(&*self.store.queue).into(), self.scope.into(), self.now.into()];
        let rows = DB::read(self.store, self.tx, &self.store.sql.new_group, parameters).await?;
        parse::<i64>(&rows)?.first().copied().ok_or_else(Error::contention)
    }

    async fn add_ids(&mut self, ids: &[&str], group: i64) -> Result<u64, Error> {
        let parameters = vec![(&*self.store.queue).into(), self.scope.into(), list(ids).into(), group.into()];
        DB::run(self.store, self.tx, &self.store.sql.add_ids, parameters).await
    }

    /// Moves everything into one of the groups, and deletes the others.
    async fn join(&mut self, groups: &BTreeSet<i64>, target: i64) -> Result<(), Error> {
        let others = list(groups.iter().filter(|group| **group != target));
        if groups.len() < 2 {
            return Ok(());
        }
        let sql = &self.store.sql;
        for statement in [&sql.move_ids, &sql.move_payments, &sql.move_webhooks] {
            DB::run(self.store, self.tx, statement, vec![others.clone().into(), target.into()]).await?;
        }
        DB::run(self.store, self.tx, &sql.drop_groups, vec![others.into()]).await?;
        Ok(())
    }

    /// Saves what is known about a group, and when to decide it again.
    pub(super) async fn save(
        &mut self,
        group: i64,
        facts: &Facts,
        policy: Option<String>,
        due_at: Option<i64>,
    ) -> Result<(), Error> {
        let facts = serde_json::to_string(facts).unwrap_or_default();
        let parameters = vec![group.into(), facts.into(), policy.into(), due_at.into(), self.now.into()];
        DB::run(self.store, self.tx, &self.store.sql.save_group, parameters).await.map(drop)
    }
}
