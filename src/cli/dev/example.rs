//! Which requests are worth trying? Each with the line to type and what must come back.

pub(super) const READABLE: &str = "invoices@payroll.contoso.example";
pub(super) const FORBIDDEN: &str = "ceo@contoso.example";

#[derive(Clone, Debug)]
pub(super) struct Example {
    pub(super) title: &'static str,
    pub(super) command: String,
    pub(super) beside: &'static str,
    pub(super) status: u16,
    pub(super) holds: &'static [&'static str],
    pub(super) lacks: &'static [&'static str],
}

pub(super) struct Facts {
    pub(super) apis: String,
    pub(super) legacy: String,
    pub(super) folder: String,
}

impl Example {
    pub(super) fn agrees(&self, status: u16, body: &str) -> bool {
        status == self.status
            && self.holds.iter().all(|text| body.contains(text))
            && !self.lacks.iter().any(|text| body.contains(text))
    }
}

pub(super) fn all(facts: &Facts) -> Vec<Example> {
    let Facts {
        apis,
        legacy,
        folder,
    } = facts;
    let calc = format!("{apis}/calc/v1/add/1/1");
    let messages = |mailbox: &str| {
        format!(
            "curl -H @{folder}/payroll.header \
             '{legacy}/graph/v1.0/users/{mailbox}/messages?$top=10&$orderby=receivedDateTime%20desc'"
        )
    };
    vec![
        Example {
            title: "An API behind the gateway, without a token",
            command: format!("curl {calc}"),
            beside: "401 no_credential",
            status: 401,
            holds: &["\"reason\":\"no_credential\""],
            lacks: &[],
        },
        Example {
            title: "With a token of an application that has the role",
            command: format!("curl -H @{folder}/calculator.header {calc}"),
            beside: "200, and what the upstream saw: who calls, and no token",
            status: 200,
            holds: &[
                "\"result\": 2",
                "x-client-id",
                "f1f695cb-2d00-4c0f-84a5-437282f3f3fd",
                "invokeRole",
            ],
            lacks: &["authorization"],
        },
        Example {
            title: "With a genuine token of an application that lacks the role",
            command: format!("curl -H @{folder}/guest.header {calc}"),
            beside: "403 role_missing",
            status: 403,
            holds: &["\"reason\":\"role_missing\""],
            lacks: &[],
        },
        Example {
            title: "Ten newest messages of a mailbox, for an application that knows no OAuth",
            command: messages(READABLE),
            beside: "200; the gateway got the token, with a certificate",
            status: 200,
            holds: &["\"value\":[", "receivedDateTime", "@odata.nextLink"],
            lacks: &[],
        },
        Example {
            title: "A mailbox that this application may not read",
            command: messages(FORBIDDEN),
            beside: "403 parameter_not_allowed",
            status: 403,
            holds: &["\"reason\":\"parameter_not_allowed\""],
            lacks: &[],
        },
    ]
}
