/* The pictures of one viewer, and of which encoder it gets them. */
#include "host/media/webrtc/sender_private.h"
#include "lib/log.h"

/* in front of a payloader that does not get on: then its viewer starts again with a keyframe */
#define QUEUED_FRAMES 20

void tb_sender_slot_free(TbSenderSlot *slot)
{
        if (!slot)
                return;
        tb_tap_remove(slot->tap);
        g_free(slot);
}

static void drop_old(TbSender *sender, GArray *packets G_GNUC_UNUSED)
{
        tb_mutex_lock(&sender->lock);
        TbSenderSlot *old = g_steal_pointer(&sender->old);
        tb_mutex_unlock(&sender->lock);
        tb_sender_slot_free(old);
}

/* --- pictures: the encoder's thread --- */
static void stalled(TbSender *sender, GArray *packets G_GNUC_UNUSED)
{
        tb_sender_want_keyframe(sender);
}

static void packet(void *data, GstBuffer *buffer, bool keyframe)
{
        TbSenderSlot *slot = data;
        TbSender *s = slot->sender;
        bool switched = false, stuck = false;
        tb_mutex_lock(&s->lock);
        if (slot == s->next && keyframe && !s->hold) {
                s->old = s->active; /* main is told below */
                s->active = s->next;
                s->next = NULL;
                switched = true;
        }
        if (slot == s->active) {
                if (s->hold || (s->need_key && !keyframe)) {
                        s->need_key = true;
                        s->dropped++;
                } else if (gst_app_src_get_current_level_buffers(s->src) >= QUEUED_FRAMES) {
                        stuck = !s->need_key;
                        s->need_key = true;
                        s->dropped++;
                } else {
                        s->need_key = false;
                        s->frames++;
                        s->keyframes += keyframe;
                        s->bytes += gst_buffer_get_size(buffer);
                        TB_COUNT(tb_media_counters()->bytes_sent, gst_buffer_get_size(buffer));
                        gst_app_src_push_buffer(s->src, gst_buffer_ref(buffer));
                }
        }
        tb_mutex_unlock(&s->lock);
        if (switched)
                tb_sender_post(s, drop_old, NULL);
        if (stuck)
                tb_sender_post(s, stalled, NULL);
}

/* --- rungs --- */
TbSenderSlot *tb_sender_slot_new(TbSender *sender, TbRung rung, bool first, GError **error)
{
        TbSenderSlot *slot = g_new0(TbSenderSlot, 1);
        slot->sender = sender;
        tb_mutex_lock(&sender->lock);
        if (first)
                sender->active = slot;
        else
                sender->next = slot;
        tb_mutex_unlock(&sender->lock);
        slot->tap = tb_tap_new(tb_media_encoders(sender->media), sender->hub, sender->offer->codec, rung,
                               packet, slot, error);
        if (slot->tap)
                return slot;
        tb_mutex_lock(&sender->lock);
        if (first)
                sender->active = NULL;
        else
                sender->next = NULL;
        tb_mutex_unlock(&sender->lock);
        g_free(slot);
        return NULL;
}

TbSenderSlot *tb_sender_current(TbSender *sender)
{
        tb_mutex_lock(&sender->lock);
        TbSenderSlot *slot = sender->next ? sender->next : sender->active;
        tb_mutex_unlock(&sender->lock);
        return slot;
}

static void move_to(TbSender *sender, TbRung rung)
{
        TbSenderSlot *now = tb_sender_current(sender);
        if (!now || tb_encoder_rung(tb_tap_encoder(now->tap)) == rung)
                return;
        tb_mutex_lock(&sender->lock);
        TbSenderSlot *unborn =
                g_steal_pointer(&sender->next); /* changed its mind before the first keyframe */
        bool back = sender->active && sender->active->tap &&
                    tb_encoder_rung(tb_tap_encoder(sender->active->tap)) == rung;
        tb_mutex_unlock(&sender->lock);
        tb_sender_slot_free(unborn);
        drop_old(sender, NULL);
        if (back)
                return;
        g_autoptr(GError) error = NULL;
        TbSenderSlot *slot = tb_sender_slot_new(sender, rung, false, &error);
        if (slot)
                tb_tap_open(slot->tap, false);
        else
                tb_log(TB_LOG_WARNING, TB_F("device", tb_hub_device(sender->hub)),
                       "cannot change the quality of a viewer: %s", error->message);
}

static gboolean hold_over(gpointer data)
{
        TbSender *sender = data;
        sender->hold_timer = 0;
        tb_mutex_lock(&sender->lock);
        sender->hold = false;
        sender->need_key = true;
        tb_mutex_unlock(&sender->lock);
        tb_sender_want_keyframe(sender);
        return G_SOURCE_REMOVE;
}

static void hold(TbSender *sender)
{
        gint64 now = g_get_monotonic_time();
        if (sender->hold_timer || !tb_adapt_holds(&sender->adapt, now))
                return;
        tb_mutex_lock(&sender->lock);
        sender->hold = true;
        sender->need_key = true;
        tb_mutex_unlock(&sender->lock);
        sender->hold_timer =
                g_timeout_add((guint)((sender->adapt.hold_until_us - now) / 1000 + 1), hold_over, sender);
}

void tb_sender_plan(TbSender *sender)
{
        GPtrArray *all = tb_media_senders(sender->media);
        g_autoptr(GPtrArray) mine = g_ptr_array_new();
        g_autoptr(GArray) viewers = g_array_new(FALSE, FALSE, sizeof(TbAdaptViewer));
        for (guint i = 0; i < all->len; i++) {
                TbSender *s = g_ptr_array_index(all, i);
                if (s->hub != sender->hub || s->offer->codec != sender->offer->codec)
                        continue;
                s->viewer.kbps = MIN(s->adapt.kbps, s->max_kbps);
                g_ptr_array_add(mine, s);
                g_array_append_val(viewers, s->viewer);
        }
        TbAdaptPlan p;
        int width = 0, height = 0;
        tb_hub_size(sender->hub, &width, &height);
        tb_adapt_plan((TbAdaptViewer *)viewers->data, viewers->len, g_get_monotonic_time(),
                      width && height ? width * height : 1280 * 720, tb_media_max_fps(sender->media),
                      tb_media_max_kbps(sender->media), &p);
        hold(sender);
        for (guint i = 0; i < mine->len; i++) {
                TbSender *s = g_ptr_array_index(mine, i);
                s->viewer = g_array_index(viewers, TbAdaptViewer, i);
                move_to(s, (TbRung)s->viewer.rung);
                TbSenderSlot *slot = tb_sender_current(s);
                TbEncoder *e = slot ? tb_tap_encoder(slot->tap) : NULL;
                TbRung rung = e ? tb_encoder_rung(e) : 0;
                if (!e || !p.kbps[rung])
                        continue;
                guint now = tb_encoder_kbps(e), want = p.kbps[rung];
                /* small steps up would only reconfigure the encoder again and again */
                if (want < now * 0.97 || want > now * 1.08 || tb_encoder_fps(e) != p.fps[rung])
                        tb_encoder_set_rate(e, want, p.fps[rung]);
        }
}
