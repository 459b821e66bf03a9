#pragma once
/*
 * What the host sees and hears itself: the sensors of analysis:// (motion, black, frozen, brightness of a device's screen), and the
 * level of a sound that nobody listens to. Each is measured only while somebody wants its stream (tb_core_want()); the
 * screen's source runs for that long. It publishes samples and knows nobody who reads them. Main thread; pictures are looked at by a
 * thread of its own.
 */
#include "host/core/core.h"
#include "host/media/media.h"

typedef struct TbAnalysis TbAnalysis;

/* Both must stay until it is freed. */
TbAnalysis *tb_analysis_new(TbCore *core, TbMedia *media);
void tb_analysis_free(TbAnalysis *analysis); /* accepts NULL */
