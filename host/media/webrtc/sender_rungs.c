/* The pictures of one viewer, and of which feed it gets them. */
#include "host/media/webrtc/sender_private.h"

/* in front of a payloader that does not get on: then its viewer starts again with a keyframe */
#define QUEUED_FRAMES 20

void tb_sender_slot_free(TbSenderSlot *slot)
{
        if (!slot)
                return;
        tb_feed_tap_remove(slot->tap);
        g_free(slot);
}

/* --- pictures --- */
static void packet(void *data, GstBuffer *buffer, bool keyframe)
{
        TbSenderSlot *slot = data;
        TbSender *s = slot->sender;
        if (slot == s->next && keyframe && !s->hold) {
                tb_sender_slot_free(s->active); /* of another rung, so of another feed */
                s->active = g_steal_pointer(&s->next);
        }
        if (slot != s->active)
                return;
        if (s->hold || (s->need_key && !keyframe)) {
                s->need_key = true;
                s->dropped++;
        } else if (gst_app_src_get_current_level_buffers(s->src) >= QUEUED_FRAMES) {
                if (!s->need_key)
                        tb_feed_tap_want_keyframe(slot->tap);
                s->need_key = true;
                s->dropped++;
        } else {
                s->need_key = false;
                s->frames++;
                s->keyframes += keyframe;
                s->bytes += gst_buffer_get_size(buffer);
                gst_app_src_push_buffer(s->src, gst_buffer_ref(buffer));
        }
}

/* --- rungs --- */
TbSenderSlot *tb_sender_slot_new(TbSender *sender, TbRung rung, bool first)
{
        TbSenderSlot *slot = g_new0(TbSenderSlot, 1);
        slot->sender = sender;
        if (first)
                sender->active = slot;
        else
                sender->next = slot;
        slot->tap = tb_feed_tap_new(sender->feeds, sender->source, rung, packet, slot);
        return slot;
}

TbSenderSlot *tb_sender_current(TbSender *sender)
{
        return sender->next ? sender->next : sender->active;
}

static void move_to(TbSender *sender, TbRung rung)
{
        TbSenderSlot *now = tb_sender_current(sender);
        if (!now || tb_feed_tap_rung(now->tap) == rung)
                return;
        tb_sender_slot_free(
                g_steal_pointer(&sender->next)); /* it changed its mind before the first keyframe */
        if (tb_feed_tap_rung(sender->active->tap) != rung)
                tb_feed_tap_open(tb_sender_slot_new(sender, rung, false)->tap, false);
}

static gboolean hold_over(gpointer data)
{
        TbSender *sender = data;
        sender->hold_timer = 0;
        sender->hold = false;
        sender->need_key = true;
        tb_sender_want_keyframe(sender);
        return G_SOURCE_REMOVE;
}

static void hold(TbSender *sender)
{
        gint64 now = g_get_monotonic_time();
        if (sender->hold_timer || !tb_adapt_holds(&sender->adapt, now))
                return;
        sender->hold = true;
        sender->need_key = true;
        sender->hold_timer =
                g_timeout_add((guint)((sender->adapt.hold_until_us - now) / 1000 + 1), hold_over, sender);
}

void tb_sender_plan(TbSender *sender)
{
        GPtrArray *all = tb_feeds_senders(sender->feeds);
        g_autoptr(GPtrArray) mine = g_ptr_array_new();
        g_autoptr(GArray) viewers = g_array_new(FALSE, FALSE, sizeof(TbAdaptViewer));
        for (guint i = 0; i < all->len; i++) {
                TbSender *s = g_ptr_array_index(all, i);
                if (s->source != sender->source)
                        continue;
                s->viewer.kbps = MIN(s->adapt.kbps, s->max_kbps);
                s->viewer.fresh = s->adapt.fresh;
                s->viewer.proven_kbps = s->adapt.proven_kbps;
                g_ptr_array_add(mine, s);
                g_array_append_val(viewers, s->viewer);
        }
        TbAdaptPlan p;
        guint width = 0, height = 0;
        tb_feeds_size(sender->feeds, sender->source, &width, &height);
        const TbFeedLimits *limits = tb_feeds_limits(sender->feeds);
        tb_adapt_plan((TbAdaptViewer *)viewers->data, viewers->len, g_get_monotonic_time(),
                      width && height ? (int)(width * height) : 1280 * 720, limits->max_fps, limits->max_kbps,
                      &p);
        hold(sender);
        tb_sender_set_budgets(sender);
        for (guint i = 0; i < mine->len; i++) {
                TbSender *s = g_ptr_array_index(mine, i);
                s->viewer = g_array_index(viewers, TbAdaptViewer, i);
                move_to(s, (TbRung)s->viewer.rung);
                TbSenderSlot *slot = tb_sender_current(s);
                TbRung rung = slot ? tb_feed_tap_rung(slot->tap) : 0;
                if (!slot || !p.kbps[rung])
                        continue;
                guint now = tb_feed_tap_kbps(slot->tap), want = p.kbps[rung];
                /* small steps up would only reconfigure the encoder again and again */
                if (want < now * 0.97 || want > now * 1.08 || tb_feed_tap_fps(slot->tap) != p.fps[rung])
                        tb_feed_tap_set_rate(slot->tap, want, p.fps[rung]);
        }
}
