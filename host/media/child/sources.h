#pragma once
/*
 * What is encoded for the viewers in the child: a source is one hub in one codec while somebody watches it; each
 * rung that the child subscribes to is a feed, whose pictures go over the link once, whoever looks. A source that
 * everybody left is not known any more, its number is not used again: what the child still says of it means
 * nothing. Thread: main.
 */
#include "host/media/encode/encoder.h"
#include "host/media/link/link.h"

typedef struct TbSources TbSources;

TbSources *tb_sources_new(TbEncoders *encoders); /* borrowed */
void tb_sources_free(TbSources *sources);        /* accepts NULL */

/* One more viewer of that hub. The number of its source, whose best rung is being encoded from now on; 0: TB_ERROR_UNAVAILABLE,
 * no encoder. `link` is borrowed until tb_sources_clear(). */
guint32 tb_sources_enter(TbSources *sources, TbLink *link, TbHub *hub, TbCodec codec, GError **error);
void tb_sources_leave(TbSources *sources, guint32 number); /* 0, or one that was cleared: nothing */
/* The child has gone: so have all sources. */
void tb_sources_clear(TbSources *sources);

/* SUBSCRIBE, UNSUBSCRIBE, KEYFRAME, RATE. False: it wishes more often than it may. */
bool tb_sources_wish(TbSources *sources, const TbLinkMessage *message);
/* Now and then: what the child has to know of the pictures; keyframes for feeds that were held up. */
void tb_sources_tick(TbSources *sources);
