/* testbed-server --rotate-keys: keys of recordings go from older master keys to the first one. */
#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/limits_recordings.h"
#include "server/recordings/private.h"
#include "server/store/sql.h"

/* Only if it still stands as it was read: the server, or another rotation, may be at it. */
static bool rewrap(const TbDbEngine *engine, const char *where, const TbSealKeys *keys,
                   const TbDbResult *rows, guint row, GError **error)
{
        const char *id = tb_db_get_text(rows, row, 0), *old = tb_db_get_text(rows, row, 1);
        g_autofree char *wrapped = tb_seal_key_again(keys, old, id, tb_db_get_text(rows, row, 2), error);
        if (!wrapped) {
                tb_error_prefix(error, "recording %s: ", id);
                return false;
        }
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_recording_rewrap);
        tb_db_text(call, id);
        tb_db_text(call, old);
        tb_db_text(call, tb_seal_keys_id(keys));
        tb_db_text(call, wrapped);
        tb_db_int(call, tb_clock_ms());
        return tb_db_run_now(engine, where, call, NULL, error);
}

bool tb_recordings_rotate(const TbDbEngine *engine, const char *where, const TbSealKeys *keys, guint *ret,
                          GError **error)
{
        g_autofree char *after = g_strdup("");
        guint n = TB_LIMIT_RECORDING_SWEPT;
        *ret = 0;
        while (n == TB_LIMIT_RECORDING_SWEPT) {
                TbDbResult *rows = NULL;
                TbDbCall *call = tb_db_call_reads();
                tb_db_statement(call, tb_sql_recording_keys);
                tb_db_text(call, tb_seal_keys_id(keys));
                tb_db_text(call, after);
                tb_db_int(call, TB_LIMIT_RECORDING_SWEPT);
                bool ok = tb_db_run_now(engine, where, call, &rows, error);
                n = ok ? tb_db_rows(rows) : 0;
                for (guint i = 0; i < n && ok; i++) {
                        ok = rewrap(engine, where, keys, rows, i, error);
                        *ret += ok;
                }
                g_free(after);
                after = g_strdup(n ? tb_db_get_text(rows, n - 1, 0) : "");
                if (rows)
                        tb_db_result_free(rows);
                if (!ok)
                        return false;
        }
        return true;
}
