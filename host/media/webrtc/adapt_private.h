#pragma once
/* What adapt.c (what is heard of a link), adapt_report.c (the same of those who say little), adapt_probe.c (what is asked of it) and adapt_plan.c (what comes of it) share. */
#include "host/media/webrtc/adapt.h"

#define TB_ADAPT_MIN_KBPS 80
#define TB_ADAPT_LOSS_LOW 0.02
#define TB_ADAPT_HOLD_MS 1500                        /* at most */
#define TB_ADAPT_REPORT_MOST_US (2 * G_USEC_PER_SEC) /* between two that are judged */

/* --- adapt.c --- */
void tb_adapt_cut(TbAdapt *a, gint64 now_us, double to_kbps);
void tb_adapt_grow(TbAdapt *a, gint64 now_us, gint64 passed_us);
/* The least delay is that of an empty line. */
void tb_adapt_note_base(TbAdapt *a, gint64 now_us, gint64 delay_us);
double tb_adapt_own_loss(const TbAdapt *a); /* 0…1 above what the link loses by itself */

/* --- adapt_probe.c --- */
void tb_adapt_probe_later(TbAdapt *a, gint64 now_us); /* not now: the link has just been found full */
void tb_adapt_probe_count(TbAdapt *a, const TbAdaptPacket *packet);
void tb_adapt_probe_judge(TbAdapt *a, gint64 now_us);
bool tb_adapt_probe_queues(const TbAdapt *a, gint64 sent_us); /* may wait behind a probe */
