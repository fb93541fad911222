-- The role never changes, and few records may have one of the two.
CREATE INDEX exchanges_by_role ON exchanges (tenant, role, id);
