SELECT at, person, action, object, outcome, address, request FROM audit
WHERE (person = $1 OR object = $1) AND $2 <> '' ORDER BY id DESC LIMIT $3
