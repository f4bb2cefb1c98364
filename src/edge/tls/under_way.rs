//! Which handshakes are under way? Each costs what a served connection does not, and whoever begins one
//! may never end it: there are so many at most, and for one more the oldest goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::edge::conversation::Conversation;
use crate::edge::crowd::Crowd;
use crate::request::counted_as;

/// A listener's.
#[derive(Default)]
pub(in crate::edge) struct UnderWay(Mutex<Members>);

#[derive(Default)]
struct Members {
    last: u64,
    /// The oldest first.
    all: BTreeMap<u64, Arc<Conversation>>,
}

/// One of them, for as long as it lasts.
pub(in crate::edge) struct Begun<'u> {
    under_way: &'u UnderWay,
    number: u64,
}

impl UnderWay {
    /// Takes one in. Where there are `most` already, one is asked to leave: the oldest, or, where an
    /// address has more than half of them itself and does not stand for many, its own oldest.
    pub(in crate::edge) fn begin(
        &self,
        conversation: &Arc<Conversation>,
        most: usize,
        is_one_of_many: bool,
        crowd: &Crowd,
    ) -> Begun<'_> {
        let mut members = self.0.lock();
        let mut gone = None;
        if members.all.len() >= most {
            let own = counted_as(conversation.peer().ip());
            let theirs = members
                .all
                .iter()
                .filter(|(_, it)| !is_one_of_many && counted_as(it.peer().ip()) == own);
            let mut theirs = theirs.map(|(number, _)| *number);
            let (oldest, others) = (theirs.next(), theirs.count());
            let of_own = oldest.filter(|_| others >= most / 2);
            let number = of_own.or_else(|| Some(*members.all.first_key_value()?.0));
            gone = number.and_then(|number| members.all.remove(&number));
        }
        members.last += 1;
        let number = members.last;
        members.all.insert(number, Arc::clone(conversation));
        drop(members);
        if let Some(gone) = gone {
            crowd.dismiss(&gone);
        }
        Begun {
            under_way: self,
            number,
        }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.under_way.0.lock().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::edge::Limits;

    fn conversation(address: &str) -> Arc<Conversation> {
        let peer = SocketAddr::new(address.parse().unwrap(), 4711);
        Arc::new(Conversation::new(peer, 0))
    }

    /// Whom `most` leave of those who come in this order.
    fn leaving(most: usize, many: &str, addresses: &[&str]) -> Vec<usize> {
        let (under_way, crowd) = (UnderWay::default(), Crowd::new(Limits::default()));
        let all: Vec<_> = addresses.iter().map(|it| conversation(it)).collect();
        let admitted = all.iter().map(|it| crowd.admit(it, true).ok());
        let _places: Vec<_> = admitted.collect();
        let begun = all.iter().zip(addresses);
        let begun = begun.map(|(it, address)| under_way.begin(it, most, *address == many, &crowd));
        let begun: Vec<_> = begun.collect();
        assert!(under_way.0.lock().all.len() <= most);
        drop(begun);
        assert!(under_way.0.lock().all.is_empty());
        let places = 0..all.len();
        places.filter(|place| all[*place].is_leaving()).collect()
    }

    #[test]
    fn the_oldest_goes_or_that_of_an_address_that_has_most_of_them() {
        let (a, b, c) = ("192.0.2.1", "192.0.2.2", "2001:db8::1");
        assert!(leaving(3, "", &[a, b, c]).is_empty());
        assert_eq!(leaving(3, "", &[a, b, c, a]), [0]);
        assert_eq!(leaving(4, "", &[b, a, a, a, a, a, c]), [0, 1, 2]);
        assert_eq!(leaving(4, "", &[b, a, a, a, a, a, a]), [1, 2, 3]);
        assert_eq!(leaving(4, a, &[b, a, a, a, a, a, a]), [0, 1, 2]);
        // Whoever has one IPv6 address has its /64.
        let (d, e) = ("2001:db8::2", "2001:db8::3");
        assert_eq!(leaving(3, "", &[a, c, d, e]), [1]);
        assert_eq!(leaving(1, "", &[a, a, b]), [0, 1]);
    }
}
