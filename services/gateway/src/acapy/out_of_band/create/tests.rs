use super::*;

fn build(query: &str, body: &str) -> Result<CreateInvitationRequest, ApiError> {
    request(&Fields::query(query), &Fields::body(body.as_bytes())?)
}

#[test]
fn everything_is_translated() {
    let body = r#"{"handshake_protocols": ["https://didcomm.org/didexchange/1.1", "rfc23", "connections/1.0"],
        "use_did_method": "did:peer:4", "my_label": "Faber", "alias": "Barry", "goal_code": "issue-vc", "goal": "degree",
        "accept": ["didcomm/aip1"], "metadata": {"a": 1}, "protocol_version": "1.0"}"#;
    let request = build("multi_use=true&auto_accept=false&create_unique_did=true", body).unwrap();
    assert_eq!(
        request,
        CreateInvitationRequest {
            kind: InvitationKind::MultiUse.into(),
            did_method: DidMethod::Peer4.into(),
            create_unique_did: true,
            handshake_protocols: vec![
                HandshakeProtocol::Didexchange11.into(),
                HandshakeProtocol::Didexchange10.into(),
                HandshakeProtocol::Connections10.into(),
            ],
            label: Some("Faber".into()),
            alias: "Barry".into(),
            goal_code: "issue-vc".into(),
            goal: "degree".into(),
            accept: vec!["didcomm/aip1".into()],
            metadata_json: r#"{"a":1}"#.into(),
            auto_accept: Some(false),
            protocol_version: "1.0".into(),
            ..CreateInvitationRequest::default()
        }
    );
}

#[test]
fn the_did_method_is_the_callers() {
    let method = |extra: &str| {
        build("", &format!(r#"{{"handshake_protocols": ["didexchange/1.1"]{extra}}}"#))
            .unwrap()
            .did_method()
    };
    assert_eq!(method(""), DidMethod::InlineKey);
    assert_eq!(method(r#", "use_did_method": "did:peer:2""#), DidMethod::Peer2);
    assert_eq!(method(r#", "use_did": "did:peer:2.Ez6L""#), DidMethod::Unspecified);
}

#[test]
fn what_does_not_fit_is_refused() {
    for (query, body, status) in [
        ("", "{}", 400),
        ("", "", 400),
        ("", r#"{"handshake_protocols": ["http://x/y"]}"#, 422),
        ("", r#"{"handshake_protocols": ["https://atalaprism.io/mercury/connections/1.0"]}"#, 400),
        ("", r#"{"handshake_protocols": "didexchange/1.1"}"#, 422),
        ("auto_accept=maybe", r#"{"handshake_protocols": ["didexchange/1.1"]}"#, 422),
        ("", r#"{"handshake_protocols": ["didexchange/1.1"], "use_did_method": "did:web"}"#, 422),
        ("", r#"{"handshake_protocols": ["didexchange/1.1"], "use_public_did": true}"#, 400),
        (
            "",
            r#"{"handshake_protocols": ["didexchange/1.1"], "use_did": "did:x:y", "use_did_method": "did:peer:2"}"#,
            400,
        ),
        ("create_unique_did=true", r#"{"handshake_protocols": ["didexchange/1.1"]}"#, 400),
        ("multi_use=true", r#"{"attachments": [{"id": "1", "type": "present-proof"}]}"#, 400),
        ("", r#"{"attachments": [{"id": "1", "type": "present-proof"}]}"#, 400),
        ("", r#"{"attachments": [{}], "metadata": {"a": 1}}"#, 400),
        ("", r#"{"handshake_protocols": ["didexchange/1.1"], "metadata": []}"#, 422),
        ("", r#"{"handshake_protocols": ["didexchange/1.1"], "goal": 1}"#, 422),
        ("", r#"{"handshake_protocols": ["didexchange/1.1"], "mediation_id": "x"}"#, 400),
    ] {
        assert_eq!(build(query, body).unwrap_err().status(), status, "{query} {body}");
    }
}
