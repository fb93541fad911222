-- What a key was made for, and the first key of the call that made it together with others.
ALTER TABLE keys ADD COLUMN purpose TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN made_with TEXT COLLATE "C" NOT NULL DEFAULT '';
