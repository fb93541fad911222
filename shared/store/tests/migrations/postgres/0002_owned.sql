CREATE TABLE owned (tenant TEXT NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (tenant, id));
ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
ALTER TABLE owned FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON owned USING ((SELECT current_setting('entente.tenant', TRUE)) IN (tenant, '*'));
