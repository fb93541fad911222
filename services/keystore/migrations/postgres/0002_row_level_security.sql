-- A session sees the rows of the tenant that its setting entente.tenant names, or of all with '*'; without the setting
-- it sees none. The owner of the tables is held to it too (FORCE); a superuser is not.
ALTER TABLE tenant_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tenant_keys USING ((SELECT current_setting('entente.tenant', TRUE)) IN (tenant, '*'));
ALTER TABLE keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON keys USING ((SELECT current_setting('entente.tenant', TRUE)) IN (tenant, '*'));
