//! Who is connected, from where, and who makes room? Where a listener or an address has all it may
//! have, the connection that has been idle, or in a head, for longest goes, and gets no request through
//! any more; and heads that are unfinished hold no more bytes together than they may.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::conversation::Conversation;
use super::definition::Limits;
use super::group::{Group, MOST_LEAVING};
use crate::request::counted_as;
use crate::telemetry::Refused;

pub(super) struct Crowd {
    connections: AtomicUsize,
    per_address: AtomicUsize,
    /// How many bytes unfinished heads may hold.
    most_unfinished: AtomicUsize,
    began: tokio::time::Instant,
    members: Mutex<Members>,
    /// Bytes of heads that are unfinished.
    unfinished: AtomicUsize,
}

#[derive(Default)]
struct Members {
    last: u64,
    all: Group,
    by_address: HashMap<IpAddr, Group>,
}

/// A member's place, for as long as it is connected.
pub(super) struct Place {
    crowd: Arc<Crowd>,
    number: u64,
}

impl Crowd {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            connections: AtomicUsize::new(limits.connections),
            per_address: AtomicUsize::new(limits.per_address),
            most_unfinished: AtomicUsize::new(limits.unfinished),
            began: tokio::time::Instant::now(),
            members: Mutex::default(),
            unfinished: AtomicUsize::new(0),
        })
    }

    /// Bounds it anew. Where there are more than there may be now, they make room as others come.
    pub(super) fn redefine(&self, limits: Limits) {
        self.connections
            .store(limits.connections, Ordering::Relaxed);
        self.per_address
            .store(limits.per_address, Ordering::Relaxed);
        self.most_unfinished
            .store(limits.unfinished, Ordering::Relaxed);
    }

    /// Nanoseconds since it came to be: what tells who has rested for longer.
    pub(super) fn clock(&self, now: tokio::time::Instant) -> u64 {
        u64::try_from(now.duration_since(self.began).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Takes in a connection, and asks another to leave where there are too many. `is_one_of_many`:
    /// its address stands for many peers, and is not limited.
    pub(super) fn admit(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        is_one_of_many: bool,
    ) -> Result<Place, Refused> {
        let address = counted_as(conversation.peer().ip());
        let now = conversation.last_rested();
        let mut members = self.members.lock();
        let Members {
            last,
            all,
            by_address,
        } = &mut *members;
        let own = by_address.get_mut(&address).filter(|_| !is_one_of_many);
        if let Some(own) = own {
            // One, but where there may be fewer than there might before.
            while own.staying() >= self.per_address.load(Ordering::Relaxed) {
                own.make_room(all, now).ok_or(Refused::AddressLimit)?;
            }
        }
        while all.staying() >= self.connections.load(Ordering::Relaxed) {
            let gone = all.oldest(now).ok_or(Refused::Limit)?;
            let whose = counted_as(gone.peer().ip());
            all.leaving += 1;
            if let Some(theirs) = by_address.get_mut(&whose) {
                theirs.leaving += 1;
            }
        }
        *last += 1;
        conversation.number.store(*last, Ordering::Relaxed);
        all.members.insert(*last, Arc::clone(conversation));
        let own = by_address.entry(address).or_default();
        own.members.insert(*last, Arc::clone(conversation));
        Ok(Place {
            crowd: Arc::clone(self),
            number: *last,
        })
    }

    /// It speaks for somebody else, by whose address it is counted from now on. An error where that address
    /// has all it may have, and none that makes room.
    pub(super) fn moves(
        &self,
        conversation: &Arc<Conversation>,
        client: SocketAddr,
        is_one_of_many: bool,
    ) -> Result<(), Refused> {
        let number = conversation.number.load(Ordering::Relaxed);
        let now = conversation.last_rested();
        let mut members = self.members.lock();
        let Members {
            all, by_address, ..
        } = &mut *members;
        if conversation.is_leaving() {
            return Err(Refused::Evicted);
        }
        let address = counted_as(client.ip());
        if let Some(own) = by_address.get_mut(&address).filter(|_| !is_one_of_many) {
            while own.staying() >= self.per_address.load(Ordering::Relaxed) {
                own.make_room(all, now).ok_or(Refused::AddressLimit)?;
            }
        }
        remove(by_address, counted_as(conversation.peer().ip()), number);
        conversation.speaks_for(client);
        let own = by_address.entry(address).or_default();
        own.members.insert(number, Arc::clone(conversation));
        Ok(())
    }

    /// Takes in another request of a member that has one at hand. Each takes up what a connection with one
    /// would, at the upstream too, and counts like it; `None` where there are too many.
    pub(super) fn beside(
        self: &Arc<Self>,
        conversation: &Conversation,
        is_one_of_many: bool,
    ) -> Option<Beside> {
        let address = counted_as(conversation.peer().ip());
        let mut members = self.members.lock();
        let Members {
            all, by_address, ..
        } = &mut *members;
        let own = by_address.get_mut(&address)?;
        let most_of_own = match is_one_of_many {
            true => usize::MAX,
            false => self.per_address.load(Ordering::Relaxed),
        };
        let most = self.connections.load(Ordering::Relaxed);
        if own.staying() >= most_of_own || all.staying() >= most {
            return None;
        }
        own.beside += 1;
        all.beside += 1;
        Some(Beside {
            crowd: Arc::clone(self),
            address,
        })
    }

    /// Whether so many are on their way out that a new one had better wait for them.
    pub(super) fn is_emptying(&self) -> bool {
        self.members.lock().all.leaving >= MOST_LEAVING
    }

    /// A head that is unfinished holds so many bytes now. Where all together hold too many, the
    /// oldest of them are given up.
    pub(super) fn holds(&self, conversation: &Conversation, bytes: usize) {
        let before = conversation.held.swap(bytes, Ordering::Relaxed);
        let all = self.unfinished.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.unfinished.fetch_sub(before, Ordering::Relaxed);
        if all - before > self.most_unfinished.load(Ordering::Relaxed) {
            self.give_up_heads();
        }
    }

    /// Whether half of what heads may hold is taken: then nothing is read ahead of its turn.
    pub(super) fn is_pressed(&self) -> bool {
        self.unfinished.load(Ordering::Relaxed) > self.most_unfinished.load(Ordering::Relaxed) / 2
    }

    /// It holds nothing any more.
    pub(super) fn released(&self, conversation: &Conversation) {
        let bytes = conversation.held.swap(0, Ordering::Relaxed);
        self.unfinished.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Asks one that rests to leave, whatever the crowd: somebody else has a bound of its own.
    pub(super) fn dismiss(&self, conversation: &Conversation) {
        let mut members = self.members.lock();
        // Who has left meanwhile would be counted among those who leave for ever.
        let number = conversation.number.load(Ordering::Relaxed);
        if members.all.members.contains_key(&number) && conversation.leave() {
            members.leaves(conversation);
        }
    }

    /// Asks all who rest to leave.
    pub(super) fn dismiss_all(&self) {
        let mut members = self.members.lock();
        let all: Vec<_> = members.all.members.values().map(Arc::clone).collect();
        for member in all.iter().filter(|it| it.leave()) {
            members.leaves(member);
        }
    }

    /// The oldest go until an eighth is free: looking for them costs as much as there are members.
    fn give_up_heads(&self) {
        let mut members = self.members.lock();
        let of_head = |it: &&Arc<Conversation>| it.held.load(Ordering::Relaxed) > 0;
        let all = members.all.members.values();
        let mut heads: Vec<_> = all.filter(of_head).map(Arc::clone).collect();
        heads.sort_unstable_by_key(|it| it.rests());
        let most = self.most_unfinished.load(Ordering::Relaxed);
        let most = most - most / 8;
        for head in &heads {
            if self.unfinished.load(Ordering::Relaxed) <= most {
                return;
            }
            if head.rests().is_some_and(|it| it.is_in_head) && head.leave() {
                self.released(head);
                members.leaves(head);
            }
        }
    }
}

impl Members {
    /// One that is a member was asked to leave.
    fn leaves(&mut self, member: &Conversation) {
        self.all.leaving += 1;
        let whose = counted_as(member.peer().ip());
        if let Some(theirs) = self.by_address.get_mut(&whose) {
            theirs.leaving += 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut members = self.crowd.members.lock();
        let address = members.all.members.get(&self.number);
        let address = address.map(|it| counted_as(it.peer().ip()));
        members.all.remove(self.number);
        if let Some(address) = address {
            remove(&mut members.by_address, address, self.number);
        }
    }
}

/// A request's place beside another one of the same connection.
pub(super) struct Beside {
    crowd: Arc<Crowd>,
    address: IpAddr,
}

impl Drop for Beside {
    fn drop(&mut self) {
        let mut members = self.crowd.members.lock();
        members.all.beside = members.all.beside.saturating_sub(1);
        if let Some(own) = members.by_address.get_mut(&self.address) {
            own.beside = own.beside.saturating_sub(1);
        }
    }
}

fn remove(by_address: &mut HashMap<IpAddr, Group>, address: IpAddr, number: u64) {
    if let Some(own) = by_address.get_mut(&address) {
        own.remove(number);
        if own.members.is_empty() {
            by_address.remove(&address);
        }
    }
}

/// The bytes of a head that is unfinished, as the listener counts them.
pub(super) struct Unfinished {
    pub(super) crowd: Arc<Crowd>,
    conversation: Arc<Conversation>,
    any: bool,
}

impl Unfinished {
    pub(super) fn of(crowd: Arc<Crowd>, conversation: Arc<Conversation>) -> Self {
        Self {
            crowd,
            conversation,
            any: false,
        }
    }

    pub(super) fn is(&mut self, bytes: usize) {
        self.any = true;
        self.crowd.holds(&self.conversation, bytes);
    }

    pub(super) fn none(&mut self) {
        if std::mem::take(&mut self.any) {
            self.crowd.released(&self.conversation);
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.none();
    }
}

#[cfg(test)]
#[path = "crowd_tests.rs"]
mod tests;
