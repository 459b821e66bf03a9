#include "host/vnc/show.h"

#include "host/vnc/rect.h"
#include "lib/limits_vnc.h"

#define LATE_US                                                                                              \
        (G_USEC_PER_SEC / 2) /* the picture changes, and nothing of it comes: it is shown without the film */
#define AGAIN_US (5 * G_USEC_PER_SEC) /* who was too slow is tried again after */
#define TICK_MS 100                   /* it may rest meanwhile, or have come to an end */
#define FLAG_RESET 1u                 /* of a rectangle: its decoder begins anew */

bool tb_vnc_show_offered(TbVncSlot *slot, rfbClientPtr client, int encoding)
{
        if (encoding != TB_VNC_H264)
                return false;
        slot->film = client->preferredEncoding == -1; /* the library has met none that it knows */
        return true;
}

void tb_vnc_show_clear(TbVncShow *show)
{
        tb_vnc_reel_free(show->reel);
        *show = (TbVncShow){0};
}

void tb_vnc_show_changed(TbVncShow *show, const TbVncMotion *motion)
{
        bool moves = show->motion.moves;
        show->change_us = g_get_monotonic_time();
        show->motion = *motion;
        show->motion.moves = moves;
}

static void all_is_new(rfbClientPtr client)
{
        sraRegionPtr all = sraRgnCreateRect(0, 0, client->screen->width, client->screen->height);
        sraRgnOr(client->modifiedRegion, all);
        sraRgnDestroy(all);
}

static bool asks_for_all(rfbClientPtr client)
{
        sraRegionPtr rest = sraRgnCreateRect(0, 0, client->screen->width, client->screen->height);
        sraRgnSubtract(rest, client->requestedRegion);
        bool all = sraRgnEmpty(rest);
        sraRgnDestroy(rest);
        return all;
}

/* What the film showed is not sharp. */
static void end(TbVncShow *show, rfbClientPtr client)
{
        if (show->runs)
                tb_vnc_reel_stop(show->reel);
        if (show->begun)
                all_is_new(client);
        show->runs = show->begun = false;
}

static bool send_units(TbVncShow *show, const TbVncSlot *slot, const TbFrame *frame, const GArray *units)
{
        enum { HEAD = TB_VNC_RECT_HEAD + 8 };
        guint8 update[sz_rfbFramebufferUpdateMsg] = {rfbFramebufferUpdate};
        guint8 heads[TB_LIMIT_VNC_FILM_UNITS][HEAD];
        struct iovec vector[1 + 2 * TB_LIMIT_VNC_FILM_UNITS] = {{update, sizeof update}};
        tb_vnc_put16(update + 2, (int)units->len);
        for (guint i = 0; i < units->len; i++) {
                const TbVncUnit *unit = &g_array_index(units, TbVncUnit, i);
                gsize size;
                gconstpointer bytes = g_bytes_get_data(unit->bytes, &size);
                tb_vnc_put_head(heads[i], 0, 0, frame->width, frame->height, TB_VNC_H264);
                tb_vnc_put32(heads[i] + TB_VNC_RECT_HEAD, (guint32)size);
                tb_vnc_put32(heads[i] + TB_VNC_RECT_HEAD + 4, show->begun || i > 0 ? 0 : FLAG_RESET);
                vector[1 + 2 * i] = (struct iovec){heads[i], HEAD};
                vector[2 + 2 * i] = (struct iovec){(gpointer)bytes, size};
        }
        return tb_vnc_send_vector(slot, vector, 1 + 2 * units->len);
}

/* No film for now. */
static void give_up(TbVncShow *show, rfbClientPtr client, gint64 now)
{
        show->not_before_us = now + AGAIN_US;
        end(show, client);
}

static TbVncShown send_film(TbVncShow *show, TbVncSlot *slot, const TbFrame *frame, gint64 now)
{
        rfbClientPtr client = slot->client;
        bool behind;
        g_autoptr(GArray) units = tb_vnc_reel_take(show->reel, &behind);
        if (behind)
                give_up(show, client, now);
        if (units->len == 0 || behind)
                return TB_VNC_SHOW_NOTHING;
        if (!send_units(show, slot, frame, units))
                return TB_VNC_SHOW_FAILED;
        show->begun = true;
        show->unit_us = now;
        sraRgnMakeEmpty(client->modifiedRegion);
        sraRgnMakeEmpty(client->requestedRegion);
        return TB_VNC_SHOW_SENT;
}

static bool is_possible(const TbVncShow *show, const TbVncSlot *slot, const TbFrame *frame, gint64 now)
{
        rfbClientPtr client = slot->client;
        return slot->film && now >= show->not_before_us && frame->width % 2 == 0 && frame->height % 2 == 0 &&
               client->screen == client->scaledScreen && !(client->useNewFBSize && client->newFBSizePending);
}

TbVncShown tb_vnc_show_update(TbVncShow *show, TbVncFilm *film, TbInterruptor *wake, TbVncSlot *slot,
                              const TbFrame *frame)
{
        rfbClientPtr client = slot->client;
        gint64 now = g_get_monotonic_time();
        if (now - show->change_us > TB_VNC_REST_US)
                tb_vnc_motion_rest(&show->motion);
        if (!film || !is_possible(show, slot, frame, now) || !tb_vnc_motion_moves(&show->motion, now)) {
                end(show, client);
                return TB_VNC_SHOW_NOTHING;
        }
        if (!show->reel)
                show->reel = tb_vnc_reel_new(film, wake);
        if (!show->runs)
                tb_vnc_reel_run(show->reel, frame->t_us);
        show->runs = true;
        if (!asks_for_all(client)) /* a film has no parts */
                return show->begun ? TB_VNC_SHOW_WAITS : TB_VNC_SHOW_NOTHING;
        TbVncShown shown = send_film(show, slot, frame, now);
        if (shown != TB_VNC_SHOW_NOTHING || !show->begun || now - show->unit_us > LATE_US)
                return shown;
        return TB_VNC_SHOW_WAITS;
}

int tb_vnc_show_wait_ms(const TbVncShow *show)
{
        return show->runs ? TICK_MS : -1;
}
