-- Whether a handshake that we accepted an invitation for still needs the inviter's DID.
CREATE INDEX acceptances_by_did ON acceptances (tenant, canonical_did) WHERE canonical_did IS NOT NULL;
