#pragma once
/*
 * Looks for a picture or a text on a live screen until it is there: the verb video.find (host/core/find.h). The screen's source runs for
 * that long; who looks is no viewer. Main thread; a thread of its own compares and reads.
 */
#include "host/core/core.h"
#include "host/media/media.h"

typedef struct TbFinder TbFinder;

/* Both must stay until it is freed. */
TbFinder *tb_finder_new(TbCore *core, TbMedia *media);
void tb_finder_free(TbFinder *finder); /* accepts NULL */
