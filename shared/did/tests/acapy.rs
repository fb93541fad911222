//! DIDs that crossed between ACA-Py 1.7.0 and us. Ours were resolved by its connection manager, with the
//! keys and endpoints below; the others it made.

#![allow(clippy::unwrap_used)] // a failed expectation is a failed test

use entente_did::{Did, KeyType, PublicKey, create, peer2, resolve_offline};

const VERKEY: &str = "8HH5gYEeNc3z7PYXmd54d4x6qAfCNrqQqEB3nS7Zfu7K";
const MEDIATOR: &str = "AU2FFjtkVzjFuirgWieqGGqtNrAZWS9LDuB8TDp6EUrG";
const ENDPOINT: &str = "http://127.0.0.1:8030";

const OUR_PEER2: &str = "did:peer:2.Vz6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th.Ez6LShpNhGwSupbB7zjuivH156vhLJBDDzmQtA4BY9S94pe1K.SeyJpZCI6IiNkaWRjb21tLTAiLCJ0IjoiZGlkLWNvbW11bmljYXRpb24iLCJwcmlvcml0eSI6MCwicmVjaXBpZW50S2V5cyI6WyIja2V5LTEiXSwiciI6W10sInMiOiJodHRwOi8vMTI3LjAuMC4xOjgwMzAifQ";
const OUR_PEER4: &str = "did:peer:4zQmeGrqY8erffUt6LYBYt1wCgoPjVsTFx52KBEJxi9xmaJL:zvPrdcELHxjnRBFAKFQgfkvVsRv35JLj36Ssqo4qXZxw78xnddBVYWzQJwwDYvkiRe4eaEjAzrtqqiNYa2oiwHfbJBgomXhDSmz16vbdA8rkq1fU5daJ5C7NjpxL8BWbREavtcFMLQPA87N9nbomkYgwZ6Miao2aenC47osyJqhhMEPQm23uGbeKNpERigZ9RtBbxcjcL6vu1GK1ph6EyqPULMe5tSxiThUbdsUghrjHCdLnokKYbgosikAfQmTJSNp3ggCdcSBWyfz3py7NZLb5YA2g79XTQJq9CZZDVmqTGJGDFzCF3mnrY7XYp65QwvcHAq2Caun1SNaKk5B7rN1PE4tZWJpSKrZT2CCUUrNnwHZ7y81FpPVLvkjNi4rk26xHvzmCgiRSxx8x5TFEWcNqWtAUM3e7zdzcpnSwtCnSGvkYKjtxL2cTrF2NyFWR6KL9bc5KyT65C3Y8UmfkDZBckRrAHPibQHh3MavzLQm6reJ6LzjLrFMy77BmTY6WxAH1Sw8meXCtCYd3iztXaqaWpXPj3RKhwfNRTyM9Vh8pGwPtQHFdYCRG8CxuaPU6cZsMpGzLCBeTkJyBHNHGkAJuY8WdNjGp2txE6kFKnERsH1FMP7ajhSSTvCne1eNLxyp3tGfr6h7Zh8g";
const OUR_MEDIATED_PEER2: &str = "did:peer:2.Vz6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th.Ez6LShpNhGwSupbB7zjuivH156vhLJBDDzmQtA4BY9S94pe1K.SeyJpZCI6IiNkaWRjb21tLTAiLCJ0IjoiZGlkLWNvbW11bmljYXRpb24iLCJwcmlvcml0eSI6MCwicmVjaXBpZW50S2V5cyI6WyIja2V5LTEiXSwiciI6WyJkaWQ6a2V5Ono2TWtvdkhIcXo5QnFZRGoyRGhQQ0hjZzdOUHRDUlNRdktQZ3V2NjRIVm43OWhkZSN6Nk1rb3ZISHF6OUJxWURqMkRoUENIY2c3TlB0Q1JTUXZLUGd1djY0SFZuNzloZGUiXSwicyI6Imh0dHA6Ly8xMjcuMC4wLjE6ODAzMCJ9";
const OUR_MEDIATED_PEER4: &str = "did:peer:4zQmakrBDg3Nh4h7N1Eg8RzH2T7r6kbeK3kUS92V47aL2RTC:z2XrbT7EEwVa7Jc7UDiZGeWXJkUXWxXMptKDTSiJ9YYgTfmSXQitZiaMiSwdjKGGELgXscKrpw9VXHnjMZ84KG97hyG9kA62tWSd7keQvefrGydpYxLJ3hyjsNdz6BmyUK6rkp5orqNq1jt2WVNubkgC6DKcaYWEUT9CFLu4swVLhn46ZBkDcNfLDxeiBdgiUgsgPuJ2yZ3n36assC7TyddK1Stgh6GSNd32fhD1SWsm2FYg21k7pnkXYedirCjGNTnvpEsqCaVMoaSLNgvTgWr8nGyeyP6V6KN5hfuUCSTzaGSTuapVqWtGdKGhAoLUSLCH9AzECMmRVHcCZmwwFpcvd8iBsyc1L5Fz2sLTz9HJMSDXo6c48iSSnngwSY1SaUYsYX4es7kVQ7urhGpodZFrHW6FG2Be4n58VKHUohnA7u4DKedeHANV1wUaD2ZDVdmRsRE6qC2qgLLCEBHV4UQ7FVV1WpwCCLtRhrpMf5UJPdDrvMjEYrAuedaqeEJDuYqhkbhB4L75C3E5bu1VG639bTVYnz14YcUXKtmBr2HFUQSin5m7WnTQ4TLr4w8pjVG4Aqa6AKhmUVQ36Z1kmsEVMCzSBKmem32ULA986mEvEuLTPX4FKzvRgKHwYri6y3stgsLE7T8gDmLPXK55aW1o3TXN3oApXcRP5b8kt9GGwDUUzJdMKuDEt3Fe55FKK8t1GH6Q438Mj1pKo9zw2raPwZdR1JKMedh3QojELJKnLJKiuK4ERDg5Zd9ofU5NSgrmGsaEkpPW2jsZydhV36Bs7aMyX13E3e";

const ITS_PEER2: (&str, &str) = (
    "did:peer:2.Vz6MksaoBSdHs72EMKVTgiPqM2Frht9apu1uWBnTimzRs1qhh.Ez6LSbzAbJUCRphic7fKmvw9nubHT5RcxDbijEE8TXh7p9seZ.SeyJpZCI6IiNkaWRjb21tLTAiLCJ0IjoiZGlkLWNvbW11bmljYXRpb24iLCJwcmlvcml0eSI6MCwicmVjaXBpZW50S2V5cyI6WyIja2V5LTEiXSwiciI6W10sInMiOiJodHRwOi8vbG9jYWxob3N0OjkwMDAveCJ9.SeyJpZCI6IiNkaWRjb21tLTEiLCJ0IjoiZGlkLWNvbW11bmljYXRpb24iLCJwcmlvcml0eSI6MSwicmVjaXBpZW50S2V5cyI6WyIja2V5LTEiXSwiciI6W10sInMiOiJ3czovL2xvY2FsaG9zdDo5MDAxIn0",
    "E8Y8rP3RmUjtCzcz2psWBAJi4aJyV8f9VmYnwiTr6cvK",
);
const ITS_PEER4: (&str, &str) = (
    "did:peer:4zQmdsmazDZNwyLKmjKKZGgZvaTVELKVgWoGrNzVPfkWWz9z:zKPnm4Tr9tSU9GXeuR62LHpCPpAZLai3xXSVNc63PNceDfiGj5rkMjcg6GQTEFZ93EuU6QKWnyNL1ovd3N8UXoWoDsr6ER8tVVQFiY5mz9MD4vYy4XSiE3EbVQktk4X2rVwXjp8kkUYVvF5RA5JBPzMJ8JewHGHGqzh5xt7YSj5PmQ4cKk9BmyYZUoKx9aFXY7Hq38k6drwwZ4JTx4Tdt5HodVSX5Hh2i3884QtKYAN7sEwxvgBZep1pSJwXn9VneRhpuW9bVLVtPzKREhLyXKPFGSRg6w1D48prGXRhD3kXoJhNpkyKzgXpWfEcvCfRiRfGfMsNf64zZ1UpBn2T2RdsKnMacNQUKjZxRuRkj8LGXi3MGCtN8U89sgZ386QqdYfFCbY6tgYmGRKs68CzpC5C79KnTS7cyFDL84thL8gM6VZbekm9tWwVT5gQSvGei36UqzpP6HkNBF9WcVJojBztNH3sWDef6SJQvmtSVCYX7VCJVvFhjPTVdKcjSBSbxi1SncvaTaWiPbdm8BX9QQDAa8vgBMX6x83efCkaQbLgJfctrc1wiUckuvmYLtoXK9j7UMkWXwvPjSJfn73fipb3ioRrTHYXnRqpWqtaXRzzpwXLgDMY42zYFoUsU9pNzwMAp64PLFMwu6k6Q1Z7hpGCuAJUNMLgMrp6YvyZA3ofJVCV1jJ8M9NDgG4nZsrpBZknxdrEbsbPNPn5tLPCLB28G82EbTq7Jxeg89LnEZSUeQMx9BFdr8RWV89hL4Ki7EnrXrJKPdSoDzfsi",
    "5SQhsB9atQh8HgQwK42kiNZHTChiKH4ptiUuexKLYrLe",
);

fn key(base58: &str) -> PublicKey {
    PublicKey::from_base58_ed25519(base58).unwrap()
}

#[test]
fn ours_are_those_it_resolved() {
    let (verkey, mediator) = (key(VERKEY), [key(MEDIATOR)]);
    let peer2 = |routing: &[PublicKey]| create::v1_peer2(&verkey, ENDPOINT, routing).unwrap();
    let peer4 = |routing: &[PublicKey]| create::v1_peer4(&verkey, ENDPOINT, routing).unwrap().long;
    assert_eq!(peer2(&[]).as_str(), OUR_PEER2);
    assert_eq!(peer4(&[]).as_str(), OUR_PEER4);
    assert_eq!(peer2(&mediator).as_str(), OUR_MEDIATED_PEER2);
    assert_eq!(peer4(&mediator).as_str(), OUR_MEDIATED_PEER4);
}

#[test]
fn its_resolve_here() {
    for (did, verkey) in [ITS_PEER2, ITS_PEER4] {
        let did = Did::parse(did).unwrap();
        let document = resolve_offline(&did).unwrap().unwrap();
        let services = document.v1_services().unwrap();
        let found: Vec<_> = services.iter().map(|s| (s.endpoint.as_str(), s.priority)).collect();
        assert_eq!(found, [("http://localhost:9000/x", 0), ("ws://localhost:9001", 1)]);
        for service in services {
            assert_eq!(service.recipient_keys, [key(verkey)]);
            assert!(service.routing_keys.is_empty());
        }
        assert_eq!(document.ed25519_keys(), [key(verkey)]);
    }
}

#[test]
fn its_peer2_is_encoded_as_it_was() {
    let did = Did::parse(ITS_PEER2.0).unwrap();
    let document = peer2::resolve(&did).unwrap();
    let x25519 = document.find_key("#key-2").unwrap();
    assert_eq!(x25519.key_type(), KeyType::X25519);
    let keys = [
        (peer2::Purpose::Authentication, key(ITS_PEER2.1)),
        (peer2::Purpose::KeyAgreement, x25519),
    ];
    assert_eq!(peer2::encode(&keys, &document.service), Ok(did));
}
