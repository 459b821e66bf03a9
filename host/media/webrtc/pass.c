#include "host/media/webrtc/pass.h"

#define MUCH 1.15 /* of what may be sent: a rate that is measured is not exact */

static bool is_much(const TbPass *pass, guint may_kbps)
{
        return pass->kbps > may_kbps * MUCH;
}

static void measure(TbPass *pass, gsize bytes, gint64 now_us)
{
        if (!pass->look_us || now_us - pass->unit_us > TB_PASS_GONE_US) {
                pass->look_us = now_us;
                pass->bytes = 0;
                pass->kbps = 0;
        }
        gint64 us = now_us - pass->look_us;
        if (us >= TB_PASS_LOOK_US) {
                pass->kbps = (guint)((gint64)pass->bytes * 8000 / us);
                pass->look_us = now_us;
                pass->bytes = 0;
        }
        pass->bytes += bytes;
        pass->unit_us = now_us;
}

static bool may_begin(const TbPass *pass, guint may_kbps, gint64 now_us)
{
        return pass->kbps > 0 && pass->kbps <= may_kbps &&
               (!pass->ended_us || now_us - pass->ended_us >= TB_PASS_PAUSE_US);
}

bool tb_pass_unit(TbPass *pass, gsize bytes, bool keyframe, guint may_kbps, gint64 now_us)
{
        measure(pass, bytes, now_us);
        if (pass->on || !may_begin(pass, may_kbps, now_us))
                return pass->on;
        if (keyframe) {
                pass->on = true;
                pass->tight_us = 0;
        } else if (!pass->asked_us || now_us - pass->asked_us >= TB_PASS_ASK_US) {
                pass->asked_us = now_us;
                pass->wants_key = true;
        }
        return pass->on;
}

bool tb_pass_end(TbPass *pass, gint64 now_us)
{
        bool was = pass->on;
        pass->on = false;
        pass->wants_key = false;
        if (was)
                pass->ended_us = now_us;
        return was;
}

bool tb_pass_look(TbPass *pass, guint may_kbps, gint64 now_us)
{
        if (!pass->on)
                return false;
        if (!is_much(pass, may_kbps))
                pass->tight_us = 0;
        else if (!pass->tight_us)
                pass->tight_us = now_us;
        bool tight = pass->tight_us && now_us - pass->tight_us >= TB_PASS_TIGHT_US;
        return (tight || now_us - pass->unit_us > TB_PASS_GONE_US) && tb_pass_end(pass, now_us);
}
