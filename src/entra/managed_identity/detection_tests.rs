use std::collections::HashMap;

use super::*;

const HERE: &str = "http://127.0.0.1:4141/msi/token";
const SHA1: &str = "0123456789abcdef0123456789ABCDEF01234567";

/// Variables that are set.
type Set<'s> = &'s [(&'s str, &'s str)];

fn detected(set: Set<'_>, has_agent: bool) -> Result<Platform, PlatformError> {
    let set: HashMap<&str, &str> = set.iter().copied().collect();
    let variable = |name: &'static str| {
        let text = set.get(name).map(|text| Secret::new((*text).to_owned()));
        Ok(text)
    };
    Platform::detect(variable, |path| has_agent && path == Path::new(ARC_AGENT))
}

fn name(set: Set<'_>, has_agent: bool) -> String {
    let platform = detected(set, has_agent);
    let shown = platform.map(|it| format!("{it} {}", it.endpoint()));
    shown.unwrap_or_else(|why| panic!("{why} of {set:?}"))
}

#[test]
fn the_variables_of_several_are_told_apart_in_microsofts_order() {
    let fabric = "https://10.0.0.4:2377/metadata/identity/oauth2/token";
    let (endpoint, header) = (("IDENTITY_ENDPOINT", HERE), ("IDENTITY_HEADER", "h"));
    let (msi, msi_secret) = (("MSI_ENDPOINT", HERE), ("MSI_SECRET", "s"));
    let thumbprint = ("IDENTITY_SERVER_THUMBPRINT", SHA1);
    let arc = ("IMDS_ENDPOINT", "http://127.0.0.1:40342");
    let shell = ("AZUREPS_HOST_ENVIRONMENT", "cloud-shell/1.0");
    let imds = "the virtual machine (IMDS) http://169.254.169.254/metadata/identity/oauth2/token";
    let app_service = format!("App Service or Container Apps {HERE}");
    #[rustfmt::skip]
    let cases: &[(Set<'_>, bool, &str)] = &[
        (&[], false, imds),
        (&[("IDENTITY_ENDPOINT", fabric), header, thumbprint], false, &format!("Service Fabric {fabric}")),
        (&[endpoint, header], false, &app_service),
        // App Service still sets the older pair beside it; so may an agent's program be there.
        (&[endpoint, header, msi, msi_secret, arc], true, &app_service),
        (&[msi, msi_secret], true, &format!("Azure Machine Learning {HERE}")),
        (&[msi], true, &format!("Cloud Shell {HERE}")),
        (&[shell], true, "Cloud Shell http://localhost:50342/oauth2/token"),
        (&[endpoint, arc], false, &format!("Azure Arc {HERE}")),
        (&[], true, "Azure Arc http://127.0.0.1:40342/metadata/identity/oauth2/token"),
        // What stands alone says nothing.
        (&[endpoint], false, imds),
        (&[header, thumbprint, msi_secret, arc], false, imds),
        (&[("AZUREPS_HOST_ENVIRONMENT", "vm")], false, imds),
        (&[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:81/")], false,
            "the virtual machine (IMDS) http://127.0.0.1:81/metadata/identity/oauth2/token"),
    ];
    for (set, has_agent, expected) in cases {
        assert_eq!(name(set, *has_agent), *expected, "{set:?}");
    }
}

#[test]
fn nothing_of_it_leads_off_this_machine() {
    let header = ("IDENTITY_HEADER", "h");
    let thumbprint = ("IDENTITY_SERVER_THUMBPRINT", SHA1);
    for elsewhere in [
        "http://10.0.0.4/token",
        "http://metadata.example/token",
        "http://169.254.169.254.example/token",
        "http://169.255.0.1/token",
        "http://127.0.0.1.example/token",
        "https://127.0.0.1/token",
        "https://login.example/token",
        "file:///etc/passwd",
    ] {
        for (name, others) in [
            ("IDENTITY_ENDPOINT", &[header][..]),
            ("IDENTITY_ENDPOINT", &[("IMDS_ENDPOINT", "x")]),
            ("MSI_ENDPOINT", &[("MSI_SECRET", "s")]),
            ("MSI_ENDPOINT", &[]),
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", &[]),
        ] {
            let set = [&[(name, elsewhere)], others].concat();
            assert_eq!(
                detected(&set, false),
                Err(PlatformError::Elsewhere(name)),
                "{set:?}"
            );
        }
    }
    for here in [
        "http://localhost:1/",
        "http://[::1]:1/",
        "http://169.254.129.3:8081/msi/token",
    ] {
        detected(&[("IDENTITY_ENDPOINT", here), header], false).unwrap();
    }
    let fabric = [("IDENTITY_ENDPOINT", HERE), header, thumbprint];
    assert_eq!(detected(&fabric, false), Err(PlatformError::NotHttps));
    let no_url = [("IDENTITY_ENDPOINT", "msi/token"), header];
    let error = PlatformError::NotUrl("IDENTITY_ENDPOINT");
    assert_eq!(detected(&no_url, false), Err(error));
}

#[test]
fn a_thumbprint_is_forty_digits() {
    let spaced = "01:23:45:67:89:ab:cd:ef:01:23:45:67:89:AB:CD:EF:01:23:45:67";
    assert_eq!(thumbprint(SHA1), thumbprint(spaced));
    assert_eq!(thumbprint(SHA1).unwrap().0[..3], [0x01, 0x23, 0x45]);
    for wrong in [
        "",
        &SHA1[1..],
        &SHA1[2..],
        &SHA1.replace('a', "g"),
        &format!("{SHA1}00"),
    ] {
        assert_eq!(thumbprint(wrong), None, "{wrong}");
    }
}

#[test]
fn a_variable_that_cannot_be_read_is_no_variable_that_is_not_set() {
    let unreadable = |_: &'static str| Err("it is no text".to_owned());
    let error = PlatformError::Unreadable("it is no text".to_owned());
    assert_eq!(Platform::detect(unreadable, |_| false), Err(error));
}
