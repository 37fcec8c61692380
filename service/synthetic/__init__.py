"""Made-up patients, for demonstrations and rehearsals."""
