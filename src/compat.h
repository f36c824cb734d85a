/*
 * --compat=nemo-platform: the habits of the NeMo Platform's own server where they differ from the
 * contract, for clients that depend on them.  All of them, and the room of each:
 *
 *   statement  tasks are the newest first
 *   document   times have no offset, and six digits of a second or none
 *              updated_at of a job and of a step is its row's own
 *              a job's error_details and a task's error_stack are null when there are none
 *   errors     404 names the job and the workspace
 */
#ifndef JOBSTATUS_COMPAT_H
#define JOBSTATUS_COMPAT_H

enum compat { COMPAT_NONE, COMPAT_NEMO_PLATFORM };

#endif
