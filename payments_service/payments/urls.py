from payments_service.payments import views
from shared.http import openapi, paths

urlpatterns = [
    *openapi.schema_paths("api/payments/schema"),
    *paths.path_either("api/payments", views.Payments.as_view(), name="payments"),
    *paths.path_either("api/payments/<str:payment_id>", views.Payment.as_view(), name="payment"),
]
