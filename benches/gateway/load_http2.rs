//! The same load by HTTP/2: as many requests at a time, on an eighth of the connections.

use std::rc::Rc;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::Request;

use super::dial::{Dial, told};
use super::load::{CONNECTIONS, Load, MEGABYTE, Shape, Turns};

const STREAMS: usize = 8;
/// Nobody waits for a window.
const WINDOW: u32 = 16 << 20;

pub(super) async fn drive(load: &Load, turns: &Rc<Turns>) -> Result<(), String> {
    let (dial, requests): (_, Rc<[_]>) = (Dial::new(&load.address, load.wire), requests(load));
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS / STREAMS {
        let mut builder = Builder::new();
        builder
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let begun = builder.handshake(dial.connect().await?).await;
        let (client, connection) = begun.map_err(told)?;
        tokio::task::spawn_local(connection);
        clients.extend(std::iter::repeat_n(client, STREAMS));
    }
    turns.begin();
    let start = |client| {
        let (turns, requests) = (Rc::clone(turns), Rc::clone(&requests));
        tokio::task::spawn_local(send(client, requests, turns, load.status))
    };
    let streams: Vec<_> = clients.into_iter().map(start).collect();
    for stream in streams {
        stream.await.unwrap()?;
    }
    Ok(())
}

/// Ready to be sent, with the bytes of each body.
fn requests(load: &Load) -> Rc<[(Request<()>, Bytes)]> {
    let (method, path) = load.shape.asks();
    let lines = load.lines();
    let requests = lines.iter().map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", load.address))
            .header("accept", "*/*")
            .header("user-agent", "load")
            .header(name, value);
        let body = match load.shape {
            Shape::Upload => Bytes::from(vec![b'x'; MEGABYTE]),
            _ => Bytes::new(),
        };
        (request.body(()).unwrap(), body)
    });
    requests.collect()
}

/// One stream after the other, until the time is over or every line has been sent.
async fn send(
    client: SendRequest<Bytes>,
    requests: Rc<[(Request<()>, Bytes)]>,
    turns: Rc<Turns>,
    status: u16,
) -> Result<(), String> {
    while let Some((due, turn)) = turns.next().await {
        let (request, content) = &requests[turn % requests.len()];
        let mut client = client.clone().ready().await.map_err(told)?;
        let sent = client.send_request(request.clone(), content.is_empty());
        let (answer, mut body) = sent.map_err(told)?;
        if !content.is_empty() {
            body.send_data(content.clone(), true).map_err(told)?;
        }
        let answer = answer.await.map_err(told)?;
        if answer.status() != status {
            return Err(format!("{answer:?}"));
        }
        let mut body = answer.into_body();
        while let Some(data) = body.data().await {
            let data = data.map_err(told)?;
            let room = body.flow_control().release_capacity(data.len());
            room.map_err(told)?;
        }
        turns.answered(due);
    }
    Ok(())
}
