use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::tests::{INVOICES, reader, request, sender};
use crate::fake::Contoso;
use crate::fake::fixtures::{ask, contoso};

fn message(to: &str) -> Value {
    json!({
        "message": {
            "subject": "Payslips",
            "body": { "contentType": "Text", "content": "They are ready." },
            "toRecipients": [{ "emailAddress": { "address": to } }],
            "bccRecipients": [{ "emailAddress": { "address": "audit@contoso.example" } }],
        },
        "saveToSentItems": true,
    })
}

fn send(world: &Contoso, media: &str, body: impl Into<Vec<u8>>) -> (u16, Value, Vec<u8>) {
    let request = request(
        Method::POST,
        &format!("{INVOICES}/sendMail"),
        &sender(world),
    )
    .with("content-type", media)
    .with_body(body);
    let (status, body, response) = ask(&world.mailbox, &request);
    (status, body, response.body)
}

#[test]
fn mail_as_json_is_taken_and_kept() {
    let world = contoso();
    let body = message("b@contoso.example").to_string();
    let (status, _, answer) = send(&world, "application/json; charset=utf-8", body);
    assert_eq!((status, answer), (202, Vec::new()));
    let sent = world.mailbox.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].mailbox, "invoices@payroll.contoso.example");
    assert_eq!(sent[0].subject, "Payslips");
    assert_eq!(
        sent[0].recipients,
        ["b@contoso.example", "audit@contoso.example"]
    );
}

#[test]
fn mail_as_mime_is_taken_and_kept() {
    let world = contoso();
    let mime = "From: Invoices <invoices@payroll.contoso.example>\r\nTo: B <b@contoso.example>,\r\n \
                c@contoso.example\r\nBcc: d@contoso.example\r\nSubject: Payslips\r\n\r\nTo: nobody\r\n";
    let mut wrapped = STANDARD.encode(mime);
    wrapped.insert_str(76, "\r\n");
    assert_eq!(send(&world, "text/plain", wrapped).0, 202);
    let sent = world.mailbox.sent();
    assert_eq!(
        sent[0].recipients,
        [
            "b@contoso.example",
            "c@contoso.example",
            "d@contoso.example"
        ]
    );
    assert_eq!(sent[0].subject, "Payslips");
    assert_eq!(sent[0].raw, mime.as_bytes());
}

#[test]
fn mail_that_graph_would_not_take_is_refused() {
    let world = contoso();
    let changed = |change: fn(&mut Value)| {
        let mut body = message("b@contoso.example");
        change(&mut body);
        body.to_string()
    };
    let mime = |text: &str| STANDARD.encode(text);
    for (media, body, status, code) in [
        ("application/json", "{".to_owned(), 400, "BadRequest"),
        ("application/json", "{}".to_owned(), 400, "RequestBodyRead"),
        (
            "application/xml",
            message("b@x.example").to_string(),
            415,
            "UnsupportedMediaType",
        ),
        (
            "application/json",
            message("nobody").to_string(),
            400,
            "ErrorInvalidRecipients",
        ),
        (
            "application/json",
            changed(|body| {
                let message = body["message"].as_object_mut().unwrap();
                message.retain(|name, _| !name.ends_with("Recipients"));
            }),
            400,
            "ErrorInvalidRecipients",
        ),
        (
            "application/json",
            changed(|body| body["message"]["toRecipients"] = json!("b@contoso.example")),
            400,
            "RequestBodyRead",
        ),
        (
            "application/json",
            changed(|body| body["mesage"] = json!({})),
            400,
            "RequestBodyRead",
        ),
        (
            "application/json",
            changed(|body| body["message"]["x"] = json!(1)),
            400,
            "RequestBodyRead",
        ),
        (
            "application/json",
            changed(|body| body["message"]["body"] = json!("x")),
            400,
            "RequestBodyRead",
        ),
        (
            "application/json",
            changed(|body| {
                let from = json!({ "emailAddress": { "address": "ceo@contoso.example" } });
                body["message"]["from"] = from;
            }),
            403,
            "ErrorSendAsDenied",
        ),
        (
            "text/plain",
            "***".to_owned(),
            400,
            "ErrorMimeContentInvalidBase64String",
        ),
        (
            "text/plain",
            mime("no header"),
            400,
            "ErrorMimeContentInvalid",
        ),
        (
            "text/plain",
            mime("Subject: x\r\n\r\n"),
            400,
            "ErrorInvalidRecipients",
        ),
        (
            "text/plain",
            mime("From: ceo@contoso.example\r\nTo: b@x.example\r\n\r\n"),
            403,
            "ErrorSendAsDenied",
        ),
    ] {
        let (got, answer, _) = send(&world, media, body.clone());
        assert_eq!(
            (got, answer["error"]["code"].as_str()),
            (status, Some(code)),
            "{body}"
        );
    }
    let reading = request(
        Method::POST,
        &format!("{INVOICES}/sendMail"),
        &reader(&world),
    )
    .with("content-type", "application/json")
    .with_body(message("b@contoso.example").to_string());
    assert_eq!(
        ask(&world.mailbox, &reading).0,
        403,
        "Mail.Read does not send"
    );
    assert_eq!(world.mailbox.sent(), []);
}
