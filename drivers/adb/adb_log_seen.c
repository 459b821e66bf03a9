#include "drivers/adb/adb_log_seen.h"

#include <string.h>

/* FNV-1a, 64 bits. Each line bears its time in ms, its process and its thread. */
static guint64 hash_of(const char *line)
{
        guint64 h = 14695981039346656037ULL;

        for (const guint8 *c = (const guint8 *)line; *c != '\0'; c++)
                h = (h ^ *c) * 1099511628211ULL;
        return h;
}

void tb_adb_log_told(TbAdbLogSeen *seen, const char *line)
{
        seen->told[seen->next] = hash_of(line);
        seen->next = (seen->next + 1) % TB_ADB_LOG_SEEN;
        seen->n = MIN(seen->n + 1, TB_ADB_LOG_SEEN);
}

void tb_adb_log_look(TbAdbLogSeen *seen)
{
        memset(seen->found, 0, sizeof(seen->found));
        seen->times = 0;
        seen->lines = seen->left = seen->after = 0;
}

void tb_adb_log_kept(TbAdbLogSeen *seen, const char *line)
{
        guint64 h = hash_of(line);

        seen->lines++;
        for (guint i = 0; i < seen->n; i++) {
                if (seen->told[i] != h)
                        continue;
                seen->last = h;
                seen->times = ++seen->found[i];
                seen->left = seen->lines;
                seen->after = 0;
                return;
        }
        if (seen->lines == seen->left + 1)
                seen->after = h;
}

bool tb_adb_log_old(TbAdbLogSeen *seen, const char *line)
{
        guint64 h = seen->times > 0 ? hash_of(line) : 0;

        if (seen->times > 0 && (seen->left == 0 || h == seen->after))
                seen->times = 0; /* the phone has thrown it away since it was looked for */
        if (seen->times == 0)
                return false;
        seen->left--;
        if (h == seen->last)
                seen->times--;
        return true;
}
