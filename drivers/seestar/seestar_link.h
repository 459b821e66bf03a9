#pragma once
/*
 * The control connection of one telescope: requests and their answers, and the events in between, which are kept in `state`. One request is
 * under way at a time; a beat every three seconds asks where it points, so that a telescope that is off, asleep or out of the network's reach
 * is missed after TB_LIMIT_SEESTAR_SILENT_MS. Thread: the lane's worker.
 */
#include "drivers/driver.h"
#include "drivers/seestar/seestar_proto.h"
#include "drivers/transport/transport.h"

typedef struct TbSeestarLink {
        TbInstance base;   /* first */
        TbTransport *line; /* owned; NULL: closed */
        GByteArray *in;    /* owned; what has come and is no whole line yet */
        TbSeestarState state;
        int next_id;
        int beat_place, beat_horizon, beat_device, beat_view; /* ids under way; 0: none */
        int pending;    /* id of the request that somebody waits for; 0: none */
        json_t *answer; /* owned; of it */
        gint64 heard_ms, beat_ms, told_ms;
        guint beats;
        bool no_horizon; /* its firmware does not know it */
        bool changed;    /* since it was told */
} TbSeestarLink;

bool tb_seestar_open(TbInstance *self, TbIo *io, GError **error);
void tb_seestar_close(TbInstance *self);
bool tb_seestar_pump(TbInstance *self, TbIo *io, GError **error);
/* One request and its result (new reference); NULL: refused in words, or no answer within `timeout_ms`. */
json_t *tb_seestar_ask(TbSeestarLink *link, TbIo *io, const char *method, json_t *params, int timeout_ms,
                       GError **error);
/* The state goes to the bus now, or in a moment. */
void tb_seestar_tell(TbSeestarLink *link, bool now);

extern const TbMountOps tb_seestar_mount; /* seestar_mount.c */
extern const TbVideoOps tb_seestar_video; /* seestar_picture.c */
bool tb_seestar_picture_open(TbInstance *self, TbIo *io, GError **error);
void tb_seestar_picture_close(TbInstance *self);
bool tb_seestar_picture_pump(TbInstance *self, TbIo *io, GError **error);
#define TB_SEESTAR_PICTURE_SIZE 512 /* bytes of that lane's state */
