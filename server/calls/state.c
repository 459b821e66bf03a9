#include "server/calls/state.h"

#include "lib/error.h"
#include "lib/limits_calls.h"

static const char *const names[TB_CALL_STATUSES] = {"scheduled", "ringing", "in_progress", "ended",
                                                    "cancelled", "failed",  "missed"};

const char *tb_call_status_name(TbCallStatus status)
{
        return names[status];
}

bool tb_call_status_parse(const char *name, TbCallStatus *ret)
{
        for (guint i = 0; i < TB_CALL_STATUSES; i++) {
                if (g_strcmp0(name, names[i]) != 0)
                        continue;
                *ret = (TbCallStatus)i;
                return true;
        }
        return false;
}

bool tb_call_next(TbCallStatus status, TbCallAct act, TbCallStatus *ret, GError **error)
{
        static const TbCallStatus to[] = {TB_CALL_IN_PROGRESS, TB_CALL_ENDED, TB_CALL_CANCELLED,
                                          TB_CALL_MISSED, TB_CALL_FAILED};
        bool waits = status == TB_CALL_SCHEDULED || status == TB_CALL_RINGING,
             lives = waits || status == TB_CALL_IN_PROGRESS, ok = lives;
        const char *text = "Call is already ended";
        g_autofree char *other = NULL;
        if (act == TB_CALL_ANSWER || act == TB_CALL_MISS)
                ok = waits;
        if (act == TB_CALL_CANCEL) {
                ok = status == TB_CALL_SCHEDULED;
                text = "Can only cancel scheduled calls";
        } else if (act != TB_CALL_END) {
                other = g_strdup_printf(act == TB_CALL_ANSWER ? "Cannot answer call in %s status"
                                        : act == TB_CALL_MISS ? "Cannot mark call as missed in %s status"
                                                              : "Cannot mark call as failed in %s status",
                                        names[status]);
                text = other;
        }
        if (ok)
                *ret = to[act];
        else
                tb_set_error(error, TB_ERROR_INVALID, "%s", text);
        return ok;
}

TbCallStatus tb_call_at(TbCallStatus status, gint64 scheduled_ms, gint64 started_ms, gint64 now_ms)
{
        if (status == TB_CALL_RINGING && now_ms - scheduled_ms >= TB_LIMIT_CALL_RING_MS)
                return TB_CALL_MISSED;
        if (status == TB_CALL_SCHEDULED && now_ms - scheduled_ms >= TB_LIMIT_CALL_LATE_MS)
                return TB_CALL_MISSED;
        if (status == TB_CALL_IN_PROGRESS && now_ms - started_ms >= TB_LIMIT_CALL_LIFE_MS)
                return TB_CALL_ENDED;
        return status;
}
