-- A session sees the rows of the tenant that its setting entente.tenant names, or of all with '*'; without the setting
-- it sees none. The owner of the tables is held to it too (FORCE); a superuser is not.
ALTER TABLE peer4 ENABLE ROW LEVEL SECURITY;
ALTER TABLE peer4 FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON peer4 USING ((SELECT current_setting('entente.tenant', TRUE)) IN (tenant, '*'));
