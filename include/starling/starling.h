/* starling/starling.h - the whole front door. */
#ifndef STARLING_STARLING_H
#define STARLING_STARLING_H

#include "starling/alert.h"
#include "starling/answers.h"
#include "starling/base.h"
#include "starling/compress.h"
#include "starling/contract.h"
#include "starling/dataset.h"
#include "starling/feature.h"
#include "starling/gp.h"
#include "starling/lightcurve.h"
#include "starling/model.h"
#include "starling/pipeline.h"
#include "starling/prepare.h"
#include "starling/scores.h"
#include "starling/simulate.h"
#include "starling/sizing.h"
#include "starling/train.h"

#endif
