DELETE FROM enrolments WHERE id = $1
