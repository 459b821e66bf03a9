#pragma once
/*
 * What of a device comes into its ring while it is recorded: pictures and sound as they are encoded, bytes of its consoles, and everything
 * that the bus says of it. Main thread; pictures and sound come by their encoders' threads straight into the ring.
 */
#include "host/core/core.h"
#include "host/media/media.h"
#include "host/recorder/ring.h"
#include "host/recorder/typed.h"

typedef struct TbTracks TbTracks;

/* All borrowed; the device has not been removed. */
TbTracks *tb_tracks_new(TbCore *core, TbMedia *media, TbDevice *device, TbRing *ring);
void tb_tracks_free(TbTracks *tracks); /* accepts NULL */
/* Every TB_TRACKS_TURN_MS: what could not be had yet, and keyframes, so that there is always one that is no older than four seconds. */
void tb_tracks_turn(TbTracks *tracks);
void tb_tracks_input(TbTracks *tracks, TbTyped *typed, const TbRecordingInput *input); /* of this device */
void tb_tracks_event(TbTracks *tracks, const TbEvent *event);                          /* of this device */
/* Why there are no pictures although the device has some, in words; NULL: there are, or it has none. Borrowed. */
const char *tb_tracks_trouble(const TbTracks *tracks);

#define TB_TRACKS_TURN_MS 500
