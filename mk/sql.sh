#!/bin/sh -e
# The SQL of server/store/sql as C: each statement is tb_sql_<file>[], the migrations are a table in the order of their numbers.
quote() { sed 's/\\/\\\\/g; s/"/\\"/g; s/^/        "/; s/$/\\n"/' "$1"; }
echo '/* made by mk/sql.sh from server/store/sql */'
printf '#include "server/store/sql.h"\n\n#include <stddef.h>\n\n'
for f in server/store/sql/*.sql; do
	echo "const char tb_sql_$(basename "$f" .sql | tr - _)[] ="
	quote "$f"
	echo '        ;'
done
echo 'const TbMigration tb_migrations[] = {'
for f in server/store/sql/migrations/[0-9]*-*.sql; do
	name=$(basename "$f" .sql)
	echo "        {$(echo "${name%%-*}" | sed 's/^0*//'), \"${name#*-}\","
	quote "$f"
	echo '        },'
done
echo '        {0, NULL, NULL},'
echo '};'
