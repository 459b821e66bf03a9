#pragma once
/* A screen that is looked at again and again for one analysis:// of a device. Main thread. */
#include "host/core/core.h"
#include "host/media/media.h"
#include "lib/thread.h"

typedef struct TbAnalysisWatch TbAnalysisWatch;

/* The thread that looks at pictures; made when the first one is to be looked at. */
typedef struct TbAnalysisThread TbAnalysisThread;
TbAnalysisThread *tb_analysis_thread_new(void);
void tb_analysis_thread_free(TbAnalysisThread *thread); /* after the last watch */

/* NULL: the device has no such screen. `iface`: of analysis://; its parameters say how. */
TbAnalysisWatch *tb_analysis_watch_new(TbCore *core, TbMedia *media, TbAnalysisThread *thread,
                                       TbInterface *iface);
/* Its analysis:// or its screen is gone, or another one: it is to be made anew. */
bool tb_analysis_watch_stale(const TbAnalysisWatch *watch, TbMedia *media, TbInterface *iface);
void tb_analysis_watch_free(TbAnalysisWatch *watch);
